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

// Execute accepts a request. What comes over the network says nothing about the
// environment but by the names that are allowed; the same user at the socket could
// start the program as well.
func (e *careful) Execute(ctx context.Context, r engine.Request) (engine.ID, error) {
	who := callerOf(ctx)
	r.Actor = who.actor(r.Actor)
	if !who.local {
		if err := engine.CheckClientEnv(&r, e.rules.Load().AllowedEnv); err != nil {
			return engine.ID{}, err
		}
	}
	return e.served.Execute(ctx, r)
}

// Cancel asks an execution to end.
func (e *careful) Cancel(ctx context.Context, id engine.ID, c engine.Cancellation) error {
	c.Actor = callerOf(ctx).actor(c.Actor)
	return e.served.Cancel(ctx, id, c)
}

// Delete forgets executions that have ended.
func (e *careful) Delete(ctx context.Context, d engine.Deletion) (int, error) {
	keeper, ok := e.served.(interface {
		Delete(ctx context.Context, d engine.Deletion) (int, error)
	})
	if !ok {
		return 0, fmt.Errorf("%w: an ephemeral daemon keeps nothing that it could delete", engine.ErrUnsupported)
	}
	return keeper.Delete(ctx, d)
}
