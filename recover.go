package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// Recovery is what [Engine.Recover] found.
type Recovery struct {
	// Queued is how many wait again.
	Queued int `json:"queued"`
	// Running is how many ran all the time, and are followed.
	Running int `json:"running"`
	// Ended is how many had ended meanwhile.
	Ended int `json:"ended"`
	// Lost is how many nobody knows the end of.
	Lost int `json:"lost"`
	// Unknown is how many the runner could not tell anything of: Get says why. They are
	// as the store has them.
	Unknown int `json:"unknown,omitempty"`
}

// Recover takes up what the store has and has not ended: what was accepted and never
// started waits again, in its order; what runs is followed where the runner is a
// [Finder]; what ran and cannot be found is lost. Nothing that was started is ever
// started again. It is for the one engine that starts what a store has in its queue,
// before its first Execute. Without a store it does nothing. Errors: ErrStore, the
// context's; what was taken up by then stays so. One that cannot be found out about is
// left as it is, and logged.
func (e *Engine) Recover(ctx context.Context) (Recovery, error) {
	var found Recovery
	if e.ledger == nil {
		return found, nil
	}
	defer e.gate()()
	f := Filter{Status: []Status{Pending, Running}, Oldest: true, Limit: maxPage}
	for {
		p, err := e.config.Store.List(ctx, f)
		if err != nil {
			return found, fmt.Errorf("take up what is in the store: %w", err)
		}
		for i := range p.Executions {
			if err := e.takeUp(ctx, p.Executions[i].ID, &found); err != nil {
				return found, err
			}
		}
		if p.Next == "" {
			return found, nil
		}
		f.After = p.Next
	}
}

// takeUp takes up one execution.
func (e *Engine) takeUp(ctx context.Context, id ID, found *Recovery) error {
	rec, err := e.config.Store.Get(ctx, id)
	if err != nil || rec.Execution.Status.Terminal() {
		return err // somebody else was quicker
	}
	x := e.followed(&rec)
	if have := e.hold(x); have != nil {
		return nil
	}
	if e.deliver != nil {
		e.deliver.add(x)
	}
	e.lives.follow(x)
	err = ErrNotFound
	if e.finder != nil {
		err = e.find(ctx, x)
	}
	switch {
	case err == nil:
		if _, f, _ := e.known(id); f != nil {
			found.Ended++
		} else {
			found.Running++
		}
		return nil
	case errors.Is(err, ErrBusy):
		found.Running++
		e.group.Go(func(ctx context.Context) { e.await(ctx, x) })
		return nil
	case !errors.Is(err, ErrNotFound):
		e.drop(x)
		found.Unknown++
		e.config.Logger.WarnContext(ctx, "what has become of an execution cannot be found out",
			slog.String("execution_id", id.String()), slog.Any("error", err))
		return context.Cause(ctx)
	case isPlan(&rec):
		e.drop(x)
		return e.wait(ctx, &rec, found)
	case rec.Execution.Status == Running:
		found.Lost++
		e.finish(x, Ending{Cause: CauseLost, ExitCode: -1, Error: "the program that ran it ended before it"})
		return nil
	}
	e.drop(x)
	return e.wait(ctx, &rec, found)
}

func isPlan(rec *Record) bool { return rec.Execution.Type == string(CommandTypePlan) }

// gate has plans wait, until open is called, for what else is taken up: their commands are
// asked for again under the same ids, and those that there were are found and not run
// again.
func (e *Engine) gate() (open func()) {
	e.mu.Lock()
	e.gated = true
	e.mu.Unlock()
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.gated = false
		for _, x := range e.ready {
			e.group.Go(x.plan.conduct)
		}
		e.ready = nil
	}
}

// wait queues an execution that nobody has started.
func (e *Engine) wait(ctx context.Context, rec *Record, found *Recovery) error {
	x, err := e.prepared(ctx, rec)
	if err != nil {
		found.Lost++
		gone := e.followed(rec)
		e.hold(gone)
		e.conclude(ctx, gone, Ending{Cause: CauseLost, ExitCode: -1, Error: err.Error()})
		e.config.Logger.WarnContext(ctx, "what was accepted cannot be run any more",
			slog.String("execution_id", gone.id.String()), slog.Any("error", err))
		return nil
	}
	if rec.Execution.Status == Running { // a plan
		found.Running++
	} else {
		found.Queued++
	}
	e.mu.Lock()
	e.arriving++
	e.mu.Unlock()
	alone, err := e.accept(x) //nolint:contextcheck // the timer of its waiting outlives the call
	if alone {
		e.startHere(x) //nolint:contextcheck // ctx bounds this call, never the execution
	}
	return err
}

// prepared is an execution as Execute makes it.
func (e *Engine) prepared(ctx context.Context, rec *Record) (x *execution, err error) {
	if !rec.Whole {
		return nil, fault(ErrInvalid, "its secrets are gone")
	}
	r := rec.Request
	r.ID = rec.Execution.ID
	if isPlan(rec) {
		x, err = e.preparePlan(ctx, &r, false)
	} else {
		x, err = e.prepare(&r)
	}
	if err != nil {
		return nil, e.maskError(&r, err)
	}
	x.accepted, x.started = rec.Execution.AcceptedAt, rec.Execution.StartedAt
	x.noted = rec.Execution.Status == Running
	return x, nil
}
