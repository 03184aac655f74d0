package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	engine "github.com/escher-dbai/cloudops-engine"
)

const (
	// deleteMost is how many executions are deleted in one transaction: others are to
	// get their turn between.
	deleteMost = 500
	// goneMost is how many ids of deleted executions stay known.
	goneMost = 1 << 17
	// freedMost is the share of the file that may be free before it is made shorter.
	freedMost = 4 // a fourth
	// freedAtOnce is how many pages are given back in one transaction.
	freedAtOnce = 2000
)

// Delete forgets finished executions. See engine.Store. Bytes, for
// Deletion.KeepBytes, are those of the database in use.
func (s *Store) Delete(ctx context.Context, d engine.Deletion) (int, error) {
	if err := d.Validate(); err != nil {
		return 0, err
	}
	var faults []error
	total, err := s.deleteIDs(ctx, d.IDs, &faults)
	if err == nil && d.Match != nil {
		var n int
		n, err = s.deleteMatching(ctx, *d.Match)
		total += n
	}
	for _, choose := range choicesOf(&d) {
		for err == nil {
			var n int
			if n, err = s.deleteSome(ctx, choose); n == 0 {
				break
			}
			total += n
		}
	}
	for more := total > 0; more && err == nil; {
		err = s.writer.change(ctx, func(ctx context.Context, t *transaction) (err error) {
			more, err = t.tidy(ctx)
			return err
		})
	}
	if err == nil && len(choicesOf(&d)) > 0 { // who cleans up from time to time
		err = s.makeParts(ctx)
	}
	return total, errors.Join(append(faults, err)...)
}

// doomed is an execution to delete.
type doomed struct {
	seq    int64
	id     []byte
	status string
	labels []byte
}

// choice finds the next of those to delete, none when there are no more.
type choice func(ctx context.Context, t *transaction) ([]doomed, error)

func choicesOf(d *engine.Deletion) (all []choice) {
	if !d.EndedBefore.IsZero() {
		before := bound(d.EndedBefore)
		all = append(all, func(ctx context.Context, t *transaction) ([]doomed, error) {
			return t.oldest(ctx, deleteMost, before)
		})
	}
	if d.Keep > 0 {
		all = append(all, func(ctx context.Context, t *transaction) ([]doomed, error) {
			n, err := t.finished(ctx)
			if err != nil || n <= d.Keep {
				return nil, err
			}
			return t.oldest(ctx, min(n-d.Keep, deleteMost), 1<<63-1)
		})
	}
	if d.KeepBytes > 0 {
		all = append(all, func(ctx context.Context, t *transaction) ([]doomed, error) {
			over, per, err := t.over(ctx, d.KeepBytes)
			if err != nil || over <= 0 {
				return nil, err
			}
			return t.oldest(ctx, int(min(max(over/per/2, 1), deleteMost)), 1<<63-1)
		})
	}
	return all
}

// deleteMatching deletes the finished ones that match. What has ended matches for
// ever or never, so that looking for them needs no transaction.
func (s *Store) deleteMatching(ctx context.Context, f engine.Filter) (total int, err error) {
	f.Limit, f.Oldest = deleteMost, true
	q, err := s.query(ctx, &f)
	if err != nil {
		return 0, err
	}
	for after, more := int64(0), true; more; {
		var ended []int64
		n := 0
		text, args := q.page(after, &f)
		err := s.each(ctx, text, args, func(rows *sql.Rows) error {
			seq, x, err := readExecution(rows.Scan)
			if after, n = seq, n+1; x.Status.Terminal() {
				ended = append(ended, seq)
			}
			return err
		})
		if err != nil {
			return total, s.failed("look for what to delete", err)
		}
		more = n > f.Limit
		deleted, err := s.deleteSome(ctx, func(ctx context.Context, t *transaction) (all []doomed, err error) {
			for _, seq := range ended {
				found, err := t.choose(ctx, chooseOne, seq)
				if err != nil {
					return nil, err
				}
				all = append(all, found...) // none: somebody else was quicker
			}
			return all, nil
		})
		if err != nil {
			return total, err
		}
		total += deleted
	}
	return total, nil
}

const chooseOne = "SELECT seq, id, status, labels FROM execution WHERE seq = ?"

// deleteSome deletes what a choice finds next, and returns how many.
func (s *Store) deleteSome(ctx context.Context, choose choice) (int, error) {
	n := 0
	err := s.writer.change(ctx, func(ctx context.Context, t *transaction) error {
		found, err := choose(ctx, t)
		if n = len(found); err != nil {
			return err
		}
		return t.delete(ctx, found)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// deleteIDs deletes executions by their ids, and adds why it could not to faults.
func (s *Store) deleteIDs(ctx context.Context, ids []engine.ID, faults *[]error) (total int, err error) {
	for len(ids) > 0 {
		some := ids[:min(len(ids), deleteMost)]
		ids = ids[len(some):]
		var refusals []error
		n := 0
		err := s.writer.change(ctx, func(ctx context.Context, t *transaction) error {
			refusals, n = nil, 0
			for _, id := range some {
				refusal, err := t.deleteID(ctx, id)
				if err != nil {
					return err
				}
				if refusals = append(refusals, refusal); refusal == nil {
					n++
				}
			}
			return nil
		})
		if err != nil {
			return total, err
		}
		total += n
		*faults = append(*faults, refusals...)
	}
	return total, nil
}

func (t *transaction) deleteID(ctx context.Context, id engine.ID) (refusal, err error) {
	at, refusal, err := t.locate(ctx, id)
	switch {
	case refusal != nil || err != nil:
		return refusal, err
	case !at.status.Terminal():
		return about(engine.ErrNotFinished, "%s is %s", id, at.status), nil
	}
	found, err := t.choose(ctx, chooseOne, at.seq)
	if err != nil {
		return nil, err
	}
	return nil, t.delete(ctx, found)
}

// oldest are the finished executions that ended first, before a time.
func (t *transaction) oldest(ctx context.Context, n int, before int64) ([]doomed, error) {
	return t.choose(ctx, "SELECT seq, id, status, labels FROM execution WHERE ended < ? ORDER BY ended, seq LIMIT ?", before, n)
}

func (t *transaction) choose(ctx context.Context, text string, args ...any) (found []doomed, err error) {
	rows, err := t.conn.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var d doomed
		if err := rows.Scan(&d.seq, &d.id, &d.status, &d.labels); err != nil {
			return nil, err
		}
		found = append(found, d)
	}
	return found, rows.Err()
}

// delete deletes executions, tags and all, and keeps their ids.
func (t *transaction) delete(ctx context.Context, found []doomed) error {
	for _, d := range found {
		if err := t.dropTags(ctx, d.seq, d.labels); err != nil {
			return err
		}
		if _, err := t.remove.ExecContext(ctx, d.seq); err != nil {
			return err
		}
		if _, err := t.bury.ExecContext(ctx, d.id); err != nil {
			return err
		}
		t.delta[d.status]--
	}
	return nil
}

// finished is how many have ended, but for what this transaction has done.
func (t *transaction) finished(ctx context.Context) (n int, err error) {
	err = t.conn.QueryRowContext(ctx, "SELECT coalesce(sum(n), 0) FROM tally WHERE status <> ?", unfinished).Scan(&n)
	if err != nil {
		return 0, err
	}
	for status, more := range t.delta {
		if status != unfinished {
			n += more
		}
	}
	return n, nil
}

// over is by how many bytes the database is larger than it may be, and how many an
// execution takes about.
func (t *transaction) over(ctx context.Context, keep int64) (over, per int64, err error) {
	p, err := t.pages(ctx)
	if err != nil {
		return 0, 0, err
	}
	var n int64
	if err := t.conn.QueryRowContext(ctx, "SELECT coalesce(sum(n), 0) FROM tally").Scan(&n); err != nil {
		return 0, 0, err
	}
	used := (p.all - p.free) * p.size
	return used - keep, max(used/max(n, 1), 1), nil
}

// paging is how large the database is, in pages, and of how many bytes each is.
type paging struct{ all, free, size int64 }

func (t *transaction) pages(ctx context.Context) (p paging, err error) {
	err = t.conn.QueryRowContext(ctx, "SELECT p.page_count, f.freelist_count, s.page_size "+
		"FROM pragma_page_count p, pragma_freelist_count f, pragma_page_size s").Scan(&p.all, &p.free, &p.size)
	return p, err
}

// tidy forgets the oldest ids of what was deleted, and gives the disk back some of
// what is free, once it is much. It reports whether there is more.
func (t *transaction) tidy(ctx context.Context) (more bool, err error) {
	if _, err := t.forget.ExecContext(ctx, goneMost); err != nil {
		return false, err
	}
	if dropped, err := t.dropPart(ctx); dropped || err != nil {
		return dropped, err
	}
	p, err := t.pages(ctx)
	if err != nil || p.free*freedMost < p.all {
		return false, err
	}
	rows, err := t.conn.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", freedAtOnce))
	if err != nil {
		return false, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() { // a page each
	}
	return p.free > freedAtOnce, rows.Err()
}
