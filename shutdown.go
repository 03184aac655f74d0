package engine

import (
	"context"
	"errors"
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
		e.cancelAll()
		<-e.idle
	}
	if e.deliver != nil {
		e.deliver.close(ctx)
	}
	e.group.Stop(ErrClosed)
	if e.local != nil {
		err = errors.Join(err, e.local.close())
	}
	e.group.Wait()
	return err
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
func (e *Engine) cancelAll() {
	e.mu.Lock()
	ids := make([]ID, 0, len(e.live))
	for id := range e.live {
		ids = append(ids, id)
	}
	e.mu.Unlock()
	for _, id := range ids {
		_ = e.cancel(id, Cancellation{}, CauseShutdown) // it ended meanwhile
	}
}

// idleLocked tells Shutdown that nothing is left.
func (e *Engine) idleLocked() {
	if e.idle != nil && len(e.live) == 0 && e.spawners == 0 {
		select {
		case <-e.idle:
		default:
			close(e.idle)
		}
	}
}
