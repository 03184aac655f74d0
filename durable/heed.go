package durable

import (
	"context"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// heedEvery is how soon an owner hears that a guest has withdrawn what waits in its queue,
// and who conducts a plan that somebody cancels it.
const heedEvery = 200 * time.Millisecond

// heed looks for what others ask of the plans that run here, and for what guests have
// withdrawn from the queue: where it does not, that is found at the start, which may be
// far away.
func (e *Engine) heed(ctx context.Context) {
	for {
		if e.owner == nil && !e.plans.some() { // nothing of ours can be asked for
			select {
			case <-e.plans.came:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-time.After(heedEvery):
		case <-ctx.Done():
			return
		}
		e.heedPlans(ctx)
		if e.owner == nil {
			continue
		}
		if s, err := e.Stats(ctx); err != nil || s.Queued == 0 {
			continue
		}
		names, err := e.folders.Active()
		if err != nil {
			continue // reconcile says so
		}
		for _, name := range names {
			e.drop(ctx, name)
		}
	}
}

// drop ends an execution in the queue that was withdrawn.
func (e *Engine) drop(ctx context.Context, name string) {
	id, err := engine.ParseID(name)
	if err != nil {
		return
	}
	if s, err := e.Status(ctx, id); err != nil || s != engine.Pending {
		return
	}
	f, err := e.folders.Find(name)
	if err != nil {
		return
	}
	var end engine.Ending
	if f.Ending(&end) == nil && end.Cause == engine.CauseCancel {
		_ = e.Cancel(ctx, id, engine.Cancellation{Actor: end.CancelledBy}) // or it is found at its start
	}
}
