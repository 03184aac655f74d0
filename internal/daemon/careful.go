package daemon

import (
	"context"
	"fmt"
	"sync/atomic"

	engine "github.com/escher-dbai/cloudops-engine"
)

// careful is an engine for callers who are not all to be trusted alike.
type careful struct {
	served

	rules *atomic.Pointer[rules]
}

// Execute accepts a request.
func (e *careful) Execute(ctx context.Context, r engine.Request) (engine.ID, error) {
	if err := e.check(ctx, &r); err != nil {
		return engine.ID{}, err
	}
	return e.served.Execute(ctx, r)
}

// Cancel asks an execution to end.
func (e *careful) Cancel(ctx context.Context, id engine.ID, c engine.Cancellation) error {
	c.Actor = callerOf(ctx).actor(c.Actor)
	return e.served.Cancel(ctx, id, c)
}

// check says who asks, and refuses what they may not say. What comes over the network says nothing about
// the environment but by the names that are allowed; the same user at the socket could
// start the program as well.
func (e *careful) check(ctx context.Context, r *engine.Request) error {
	who := callerOf(ctx)
	r.Actor = who.actor(r.Actor)
	if who.local {
		return nil
	}
	return engine.CheckClientEnv(r, e.rules.Load().AllowedEnv)
}

// ExecuteBatch accepts several requests.
func (e *careful) ExecuteBatch(ctx context.Context, requests []engine.Request) []engine.Outcome {
	outcomes := make([]engine.Outcome, len(requests))
	var good []engine.Request
	for i := range requests {
		if outcomes[i].Err = e.check(ctx, &requests[i]); outcomes[i].Err == nil {
			good = append(good, requests[i])
		}
	}
	accepted := e.served.ExecuteBatch(ctx, good)
	for i := range outcomes {
		if outcomes[i].Err == nil {
			outcomes[i], accepted = accepted[0], accepted[1:]
		}
	}
	return outcomes
}

// Delete forgets executions that have ended.
func (e *careful) Delete(ctx context.Context, d engine.Deletion) (int, error) {
	keeper, ok := e.served.(interface {
		Delete(ctx context.Context, d engine.Deletion) (int, error)
	})
	if !ok {
		return 0, engine.Advise(fmt.Errorf("%w: an ephemeral daemon keeps nothing that it could delete", engine.ErrUnsupported), "overdue, alone, cleans up its memory")
	}
	return keeper.Delete(ctx, d)
}

// Record returns what is kept of an execution.
func (e *careful) Record(ctx context.Context, id engine.ID) (engine.Record, error) {
	keeper, ok := e.served.(interface {
		Record(ctx context.Context, id engine.ID) (engine.Record, error)
	})
	if !ok {
		return engine.Record{}, engine.Advise(fmt.Errorf("%w: an ephemeral daemon keeps no requests", engine.ErrUnsupported), "one without --ephemeral keeps them")
	}
	return keeper.Record(ctx, id)
}
