package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// row is an acceptance as it is kept.
type row struct {
	id                   engine.ID
	status               engine.Status
	accepted             int64
	kind, program        string
	source, conversation any // nil for none
	digest               []byte
	labels               any // nil for none
	command              string
	request, whole       []byte
	tags                 map[string]string
}

// labels are what executions are labelled with, beside what has a column.
type labels struct {
	Actor engine.Actor      `json:"actor,omitzero"`
	Tags  map[string]string `json:"tags,omitempty"`
}

func (k *keys) row(a *engine.Acceptance) (*row, error) {
	x := &a.Execution
	r := &row{
		id: x.ID, status: x.Status, accepted: x.AcceptedAt.UnixNano(), kind: x.Type, program: x.Program(),
		digest: k.hide(a.Digest), command: x.Command, request: a.Request, tags: x.Metadata.Tags,
	}
	if x.Metadata.Source != "" {
		r.source = x.Metadata.Source
	}
	if c := x.Metadata.ConversationID; c != (engine.ID{}) {
		r.conversation = c[:]
	}
	if x.Actor != (engine.Actor{}) || len(x.Metadata.Tags) > 0 {
		text, err := json.Marshal(labels{x.Actor, x.Metadata.Tags})
		if err != nil {
			return nil, err
		}
		r.labels = string(text)
	}
	var err error
	r.whole, err = k.seal(x.ID, a.Whole)
	return r, err
}

// shown are the columns of an execution, as readExecution reads them.
const shown = "e.seq, e.id, e.status, e.accepted, e.started, e.ended, e.exit_code, e.cursor, e.type, e.source, e.conversation, e.labels, e.command"

// readExecution reads the columns shown, and more behind them.
func readExecution(scan func(...any) error, more ...any) (seq int64, x engine.Execution, err error) {
	var id, conversation, label []byte
	var accepted int64
	var started, ended, code sql.NullInt64
	var source sql.NullString
	err = scan(append([]any{
		&seq, &id, &x.Status, &accepted, &started, &ended, &code, &x.Cursor, &x.Type, &source, &conversation, &label, &x.Command,
	}, more...)...)
	if err != nil {
		return 0, x, err
	}
	copy(x.ID[:], id)
	copy(x.Metadata.ConversationID[:], conversation)
	x.Metadata.Source = source.String
	x.AcceptedAt, x.StartedAt, x.CompletedAt = time.Unix(0, accepted).UTC(), timeOf(started), timeOf(ended)
	if x.ExitCode = -1; code.Valid {
		x.ExitCode = int(code.Int64)
	}
	if started.Valid && ended.Valid {
		x.Duration = time.Duration(ended.Int64 - started.Int64)
	}
	if label != nil {
		var l labels
		if err := json.Unmarshal(label, &l); err != nil {
			return 0, x, err
		}
		x.Actor, x.Metadata.Tags = l.Actor, l.Tags
	}
	return seq, x, nil
}

func timeOf(t sql.NullInt64) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return time.Unix(0, t.Int64).UTC()
}

// Get returns what is kept of an execution. See engine.Store.
func (s *Store) Get(ctx context.Context, id engine.ID) (engine.Record, error) {
	var r engine.Record
	var request, whole, result []byte
	line := s.db.QueryRowContext(ctx, "SELECT "+shown+", request, whole, result FROM execution e WHERE id = ?", id[:])
	_, x, err := readExecution(line.Scan, &request, &whole, &result)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return r, s.missing(ctx, id)
	case err != nil:
		return r, s.failed("read execution "+id.String(), err)
	}
	r.Execution, r.Whole = x, x.Status == engine.Pending || x.Status == engine.AwaitingApproval ||
		x.Status == engine.Running && x.Type == string(engine.CommandTypePlan)
	if whole != nil {
		if plain, err := s.keys.open(id, whole); err == nil {
			request = plain
		} else {
			r.Whole = false // the key is another: Report.KeyLost
		}
	}
	if r.Request, err = engine.ParseRequest(request); err != nil {
		return r, about(engine.ErrStore, "request of %s: %v", id, err)
	}
	if result != nil {
		if r.Result, err = unpack(result, &x); err != nil {
			return r, about(engine.ErrStore, "result of %s: %v", id, err)
		}
	}
	return r, nil
}

// missing is why there is no such execution.
func (s *Store) missing(ctx context.Context, id engine.ID) error {
	var one int
	err := s.db.QueryRowContext(ctx, "SELECT 1 FROM gone WHERE id = ?", id[:]).Scan(&one)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return about(engine.ErrNotFound, "%s", id)
	case err != nil:
		return s.failed("read execution "+id.String(), err)
	}
	return about(engine.ErrExpired, "%s", id)
}

// failed is an error of reading.
func (s *Store) failed(doing string, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case s.writer.isClosed():
		return about(engine.ErrClosed, "the history")
	case isDamage(err):
		markSuspect(s.dir)
	}
	return broken(doing, err)
}
