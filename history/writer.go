package history

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// batchMost is how many changes share a transaction at most: enough for the sync to
// cost nothing, and few enough for readers and other programs to get their turn.
const batchMost = 1000

// writer makes changes, those that come at the same time in one transaction.
type writer struct {
	conn  *sql.Conn
	dir   string
	steps steps
	group *lifecycle.Group
	wake  chan struct{}

	mu      sync.Mutex
	waiting []*change
	closed  bool
	commits int64
}

// change is something to be done in a transaction.
type change struct {
	// do may run more than once, and then the last time counts. It returns errors of
	// the database alone, which undo it; whatever else it finds it keeps itself.
	do   func(ctx context.Context, t *transaction) error
	err  error
	done chan struct{} // closed when err is set, and the change is kept if it is nil
}

func newWriter(ctx context.Context, db *sql.DB, dir string, group *lifecycle.Group) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, broken("open the history", err)
	}
	w := &writer{conn: conn, dir: dir, group: group, wake: make(chan struct{}, 1)}
	if err := w.steps.prepare(ctx, conn); err != nil {
		return nil, errors.Join(broken("prepare", err), w.steps.close(), conn.Close())
	}
	group.Go(w.run)
	return w, nil
}

// change has something done, and waits until it is kept.
func (w *writer) change(ctx context.Context, do func(ctx context.Context, t *transaction) error) error {
	c := &change{do: do, done: make(chan struct{})}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return about(engine.ErrClosed, "the history")
	}
	w.waiting = append(w.waiting, c)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default: // it is awake already
	}
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run makes the changes until it is stopped and none is left.
func (w *writer) run(ctx context.Context) {
	for {
		for batch := w.take(); batch != nil; batch = w.take() {
			w.keep(context.WithoutCancel(ctx), batch)
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			if batch := w.take(); batch != nil {
				w.keep(context.WithoutCancel(ctx), batch)
				continue
			}
			return
		}
	}
}

func (w *writer) take() []*change {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.waiting), batchMost)
	if n == 0 {
		return nil
	}
	batch := w.waiting[:n:n]
	w.waiting = w.waiting[n:]
	return batch
}

// keep makes the changes of a batch, and tells those who wait. Where one spoils the
// transaction of all, each gets its own.
func (w *writer) keep(ctx context.Context, batch []*change) {
	err := w.commit(ctx, batch)
	if err != nil && len(batch) > 1 {
		for _, c := range batch {
			c.err = w.commit(ctx, []*change{c})
			close(c.done)
		}
		return
	}
	for _, c := range batch {
		c.err = err
		close(c.done)
	}
}

func (w *writer) commit(ctx context.Context, batch []*change) error {
	err := w.attempt(ctx, batch)
	if err == nil {
		w.mu.Lock()
		w.commits++
		w.mu.Unlock()
		return nil
	}
	_, _ = w.conn.ExecContext(ctx, "ROLLBACK") // where SQLite has not done it already
	if isDamage(err) {
		markSuspect(w.dir)
	}
	return broken("write", err)
}

func (w *writer) attempt(ctx context.Context, batch []*change) error {
	if _, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	t := &transaction{steps: &w.steps, conn: w.conn, delta: make(map[string]int)}
	for _, c := range batch {
		if err := c.do(ctx, t); err != nil {
			return err
		}
	}
	if err := t.finish(ctx); err != nil {
		return err
	}
	_, err := w.conn.ExecContext(ctx, "COMMIT")
	return err
}

func (w *writer) isClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// close makes what waits, and ends. First says that this call did.
func (w *writer) close() (first bool, err error) {
	w.mu.Lock()
	first = !w.closed
	w.closed = true
	w.mu.Unlock()
	w.group.Stop(engine.ErrClosed)
	w.group.Wait()
	if first {
		err = errors.Join(w.steps.close(), w.conn.Close())
	}
	return first, err
}
