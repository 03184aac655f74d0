package engine

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// Shutdown ends the engine. See [API].
func (e *Engine) Shutdown(ctx context.Context) error {
	e.mu.Lock()
	first := !e.closed
	if first {
		e.closed = true
		e.idle = make(chan struct{})
		e.idleLocked()
	}
	e.mu.Unlock()
	if !first {
		return waitFor(ctx, e.down)
	}
	defer close(e.down)
	err := waitFor(ctx, e.idle)
	if err != nil {
		e.cancelAll(context.WithoutCancel(ctx))
		<-e.idle
	}
	e.leave()
	if e.deliver != nil {
		e.deliver.close(ctx)
	}
	if e.lives != nil {
		e.lives.close(ctx)
	}
	e.group.Stop(ErrClosed)
	err = errors.Join(err, e.means.close())
	if e.local != nil {
		err = errors.Join(err, e.local.close())
	}
	e.group.Wait()
	if e.ledger != nil {
		e.ledger.group.Stop(ErrClosed)
		e.ledger.group.Wait()
	}
	return err
}

// leave lets those go that live on without the engine: they run, or wait in the store.
// Of others there are none left.
func (e *Engine) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range e.live {
		e.unqueueLocked(x)
		e.dropLocked(x)
	}
}

// within bounds a context by the life of the engine, where what it waits for may
// outlive that.
func (e *Engine) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.finder == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(e.group.Context(), func() { cancel(fault(ErrClosed, "what runs goes on without it")) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// waitFor waits until done is closed, or returns the cause of the context. Where
// both are so, done counts.
func waitFor(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	default:
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// cancelAll ends everything that is queued or running.
func (e *Engine) cancelAll(ctx context.Context) {
	e.mu.Lock()
	live := slices.Collect(maps.Values(e.live))
	e.mu.Unlock()
	for _, x := range live {
		if x.elsewhere {
			continue
		}
		_ = e.cancel(ctx, x, Cancellation{}, CauseShutdown) // it ended meanwhile
	}
}

// idleLocked tells Shutdown that nothing is left that it has to wait for.
func (e *Engine) idleLocked() {
	if e.idle != nil && (len(e.live) == e.foreign || e.outlived()) && e.spawners+e.arriving == 0 {
		select {
		case <-e.idle:
		default:
			close(e.idle)
		}
	}
}
