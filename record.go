package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// record has the store keep an execution before it is accepted. Known says that the
// store has it already, with this content: nothing is to be done then. If it returns
// false and no error the execution must be accepted: it has its place.
func (e *Engine) record(ctx context.Context, x *execution) (known bool, err error) {
	a, err := e.arrive(x)
	if err != nil {
		return false, err
	}
	// Whoever gives up waiting would not know whether it was kept.
	known, err = e.config.Store.Accept(context.WithoutCancel(ctx), a)
	if known || err != nil {
		e.turnAway()
	}
	return known, err
}

// arrive makes room for an execution that the store is about to keep. Who cannot keep it
// calls turnAway.
func (e *Engine) arrive(x *execution) (Acceptance, error) {
	if r := x.launch.Request; e.outlived() && (r.StdinFrom != nil || r.Tee != nil) {
		return Acceptance{}, Advise(fault(ErrInvalid, "stdin_from and tee are of this program, which the execution outlives"),
			"give it Stdin, or WriteStdin what comes later, and Watch its output")
	}
	x.accepted = time.Now()
	a, err := NewAcceptance(*x.launch.Request, x.accepted, x.launch.Mask)
	if err != nil {
		return Acceptance{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.roomLocked(x); err != nil {
		return Acceptance{}, err
	}
	e.arriving++
	return a, nil
}

// turnAway gives up the room of one that was about to arrive.
func (e *Engine) turnAway() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.arriving--
	e.idleLocked()
}

// outlived reports whether what runs goes on without the engine.
func (e *Engine) outlived() bool { return e.finder != nil && e.finder.Outlives() }

// recorded reports whether a request that cannot be run now was accepted before: what
// it needs may have gone since.
func (e *Engine) recorded(ctx context.Context, r *Request) (id ID, known bool, err error) {
	if e.ledger == nil || r.ID == (ID{}) || r.Command == nil {
		return ID{}, false, nil
	}
	if _, err := e.config.Store.Get(ctx, r.ID); err != nil {
		return ID{}, false, nil //nolint:nilerr // the request has a fault of its own, which counts
	}
	secrets := e.masksOf(r)
	own(r)
	maskLabels(r, secrets.String)
	a, err := NewAcceptance(*r, time.Now(), secrets.String)
	if err != nil {
		return ID{}, false, err
	}
	known, err = e.config.Store.Accept(ctx, a)
	return r.ID, known, err
}

// conclude ends an execution that its runner knows nothing of. Where there is a store
// it is asked first: else a crash could make something run whose end was seen.
func (e *Engine) conclude(ctx context.Context, x *execution, end Ending) {
	if e.ledger == nil {
		e.finish(x, end)
		return
	}
	end.Ended = time.Now()
	e.mu.Lock()
	f := conclude(x, end, x.canceller(&end))
	e.mu.Unlock()
	r := f.ending()
	err := e.config.Store.Note(context.WithoutCancel(ctx), Change{ID: x.id, Status: f.status, Result: &r})
	if err != nil && !errors.Is(err, ErrFinished) {
		e.config.Logger.ErrorContext(ctx, "an ending is not in the history yet",
			slog.String("execution_id", x.id.String()), slog.Any("error", err))
	}
	e.finish(x, end)
}

// Flush waits until [Config.Store] has what became of executions until now: starts and
// endings are told before they are kept. Without a store there is nothing to wait for. It
// returns the error of its context alone, and is safe for concurrent use.
func (e *Engine) Flush(ctx context.Context) error {
	if e.ledger == nil {
		return nil
	}
	return e.ledger.flush(ctx)
}

// stored is a page of what the store has, which is all; of what is in memory here more
// is known.
func (e *Engine) stored(ctx context.Context, f Filter) (Page, error) {
	if err := e.Flush(ctx); err != nil {
		return Page{}, err
	}
	p, err := e.config.Store.List(ctx, f)
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range p.Executions {
		id := p.Executions[i].ID
		if x := e.live[id]; x != nil {
			if f.hasStatus(x.status) {
				p.Executions[i] = e.summaryLocked(x)
			}
		} else if end, err := e.shelf.find(id); err == nil {
			p.Executions[i] = end.summary()
		}
	}
	return p, err
}
