package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
)

// show replaces what is kept of a request, or returns why not as a refusal.
func (t *transaction) show(ctx context.Context, r *row) (refusal, err error) {
	var seq int64
	var have []byte
	err = t.labels.QueryRowContext(ctx, r.id[:]).Scan(&seq, &have)
	if errors.Is(err, sql.ErrNoRows) {
		_, refusal, err = t.locate(ctx, r.id)
		return refusal, err
	}
	if err == nil {
		err = t.dropTags(ctx, seq, have)
	}
	if err == nil {
		_, err = t.steps.show.ExecContext(ctx, seq, r.program, r.source, r.labels, r.command, r.request, r.whole)
	}
	if err == nil {
		err = t.addTags(ctx, seq, r.tags)
	}
	if err == nil {
		err = t.doubt(ctx, seq)
	}
	return nil, err
}

func (t *transaction) addTags(ctx context.Context, seq int64, tags map[string]string) error {
	for name, value := range tags {
		if _, err := t.tag.ExecContext(ctx, name, value, seq); err != nil {
			return err
		}
	}
	return nil
}

// dropTags takes an execution from the tags that its labels name.
func (t *transaction) dropTags(ctx context.Context, seq int64, have []byte) error {
	if have == nil {
		return nil
	}
	var l labels
	if err := json.Unmarshal(have, &l); err != nil {
		return err
	}
	for name, value := range l.Tags {
		if _, err := t.untag.ExecContext(ctx, name, value, seq); err != nil {
			return err
		}
	}
	return nil
}
