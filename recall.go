package engine

import (
	"context"
	"errors"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// lookup finds an execution: one that is live, or one that ended. What is not in
// memory any more, or never was because another engine ran it, is looked up in the
// store. Errors: ErrNotFound, ErrExpired, ErrStore.
func (e *Engine) lookup(ctx context.Context, id ID) (*execution, *finished, error) {
	x, f, err := e.known(id)
	if err == nil || e.ledger == nil {
		return x, f, err
	}
	rec, err := e.config.Store.Get(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if !rec.Execution.Status.Terminal() {
		return e.follow(ctx, &rec)
	}
	f, err = e.past(ctx, &rec)
	return nil, f, err
}

// known finds an execution in memory. Errors: ErrNotFound, ErrExpired.
func (e *Engine) known(id ID) (*execution, *finished, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x, ok := e.live[id]; ok {
		return x, nil, nil
	}
	f, err := e.shelf.find(id)
	return nil, f, err
}

// past is an execution that ended, as the store and its runner have it.
func (e *Engine) past(ctx context.Context, rec *Record) (*finished, error) {
	x := &rec.Execution
	f := &finished{
		id: x.ID, request: kept{command: rec.Request.Command}, status: x.Status,
		accepted: nanos(x.AcceptedAt), started: nanos(x.StartedAt), ended: nanos(x.CompletedAt),
		rare: &rare{past: rec},
	}
	switch rec.Result.Cause {
	case CauseTimeout:
		f.rare.limit = rec.Request.Timeout
	case CauseIdleTimeout:
		f.rare.limit = rec.Request.IdleTimeout
	case CauseQueueTimeout:
		f.rare.limit = rec.Request.QueueTimeout
	default:
	}
	if e.finder != nil {
		j := journal.New(&e.bounds)
		l := &Launch{ID: x.ID, Request: &rec.Request, Journal: j, Mask: e.secretsInherited().String, Started: func() {}, Phase: func(EventKind) {}, Ended: func(Ending) {}}
		switch _, err := e.finder.Find(ctx, l); {
		case err == nil && j.Closed():
			f.journal = j
			return f, j.Release()
		case err != nil && !errors.Is(err, ErrNotFound):
			return nil, err
		}
	}
	if rec.Result.Plan != nil {
		f.journal = e.planRecord(rec.Result.Plan)
		return f, nil
	}
	if f.started == 0 { // it never had a record of its own
		f.journal = journal.New(&e.bounds)
		f.journal.Note(noteAccepted, width(noteAccepted))
		f.journal.Close(noteEnded, width(noteEnded))
	}
	return f, nil
}

// secretsInherited are what is secret in the environment of this process: the secrets of
// a request that has started are known to its runner alone.
func (e *Engine) secretsInherited() *redact.Secrets {
	_, secrets := e.inherit.environment(&Request{}, nil)
	return redact.NewSecrets(secrets)
}

// follow makes an execution live here that another engine has accepted, or one
// before.
func (e *Engine) follow(ctx context.Context, rec *Record) (*execution, *finished, error) {
	id := rec.Execution.ID
	if e.finder == nil {
		return nil, nil, Advise(fault(ErrNotFound, "execution %s is %s in another program", id, rec.Execution.Status),
			"only a runner that can find it shows more")
	}
	x := e.followed(rec)
	if have := e.hold(x); have != nil {
		return have, nil, nil
	}
	switch err := e.find(ctx, x); {
	case err == nil:
		return e.known(id)
	case errors.Is(err, ErrBusy), errors.Is(err, ErrNotFound) && (rec.Execution.Status == Pending || isPlan(rec)):
		e.group.Go(func(ctx context.Context) { e.await(ctx, x) })
		return x, nil, nil
	case errors.Is(err, ErrNotFound):
		e.finish(x, Ending{Cause: CauseLost, ExitCode: -1, Error: "it ran, and there is nothing left of it"})
		return e.known(id)
	default:
		e.drop(x)
		return nil, nil, err
	}
}

// followed is an execution as the store has it.
func (e *Engine) followed(rec *Record) *execution {
	r := rec.Request
	inv := invocation{}
	if made, err := r.Command.invocation(r.WorkingDir); err == nil {
		inv = made
	}
	x := &execution{
		id: rec.Execution.ID, status: Pending, phase: starting, elsewhere: true, noted: rec.Execution.Status != Pending,
		accepted: rec.Execution.AcceptedAt, queued: rec.Execution.AcceptedAt, started: rec.Execution.StartedAt,
		success: r.SuccessCodes, launch: &Launch{Request: &r}, secrets: e.secretsInherited(),
	}
	seen := &shown{request: kept{command: r.Command}, line: rec.Execution.Command}
	if data, err := r.MarshalJSON(); err == nil {
		seen.request = kept{json: string(data)}
	}
	x.shown.Store(seen)
	if isPlan(rec) { // nobody but who runs it can tell more
		x.status = rec.Execution.Status
	}
	e.fill(x, &inv)
	l := x.launch
	l.ID, l.Mask = x.id, x.secrets.String
	x.journal = journal.New(&e.bounds)
	l.Journal = x.journal
	l.Started, l.Phase = func() { e.began(x) }, func(EventKind) {}
	l.Ended = func(end Ending) { e.finish(x, end) }
	l.Masked = func(values []string) { e.masked(x, values) }
	return x
}

// hold makes an execution live, with a slot, unless there is one with its id, which is
// returned.
func (e *Engine) hold(x *execution) (have *execution) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if have, ok := e.live[x.id]; ok {
		return have
	}
	e.locks.hold(x)
	e.live[x.id] = x
	e.active++
	e.foreign++
	return nil
}

// find has the runner go on with an execution.
func (e *Engine) find(ctx context.Context, x *execution) error {
	control, err := e.finder.Find(ctx, x.launch)
	if err == nil && control != nil {
		e.controlled(ctx, x, control)
	}
	return err
}

// awaitEvery is how often somebody looks whether an execution that waits in the queue
// of another program has been started.
const awaitEvery = 100 * time.Millisecond

// await follows an execution from the queue of another program.
func (e *Engine) await(ctx context.Context, x *execution) {
	ticker := time.NewTicker(awaitEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		err := e.find(ctx, x)
		if err == nil {
			return
		}
		rec, err := e.config.Store.Get(ctx, x.id)
		switch {
		case err == nil && rec.Result != nil: // in its queue
			e.finish(x, Ending{
				Cause: rec.Result.Cause, ExitCode: rec.Result.ExitCode, Error: rec.Result.Error,
				Ended: rec.Result.CompletedAt, CancelledBy: rec.Result.CancelledBy, plan: rec.Result.Plan,
			})
			return
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrExpired), errors.Is(err, ErrClosed):
			e.drop(x)
			return
		}
	}
}

// withdraw ends an execution in the queue of another program. Where that starts it at
// this moment it is ended when it is found.
func (e *Engine) withdraw(ctx context.Context, x *execution, end Ending) error {
	err := e.finder.Withdraw(ctx, x.id, end)
	if errors.Is(err, ErrFinished) {
		return nil
	}
	return err
}

// drop forgets an execution that is followed no longer.
func (e *Engine) drop(x *execution) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dropLocked(x)
	e.dispatchLocked()
	e.idleLocked()
}

// dropLocked has those who wait for it hear that it is known no longer.
func (e *Engine) dropLocked(x *execution) {
	if x.phase == over {
		return
	}
	e.releaseLocked(x)
	x.phase, x.control = over, nil
	x.attachLocked()
	x.beganLocked()
	e.removeLocked(x)
	if x.reader != nil {
		e.deliver.dropped(x.reader)
	}
	if x.done != nil {
		close(x.done)
	}
}
