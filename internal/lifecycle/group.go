package lifecycle

import (
	"context"
	"sync"
)

// Group owns goroutines. It is safe for concurrent use; make it with [New].
type Group struct {
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	stopped bool
	running sync.WaitGroup
}

// New returns a group without goroutines.
func New() *Group {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &Group{ctx: ctx, cancel: cancel}
}

// Go runs f in a goroutine of the group and reports whether it did: not after
// Stop. f should return soon after its context is done.
func (g *Group) Go(f func(ctx context.Context)) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return false
	}
	g.running.Go(func() { f(g.ctx) })
	return true
}

// Context is what the goroutines are given.
func (g *Group) Context() context.Context { return g.ctx }

// Stop tells the goroutines to end. It does not wait.
func (g *Group) Stop(cause error) {
	g.mu.Lock()
	g.stopped = true
	g.mu.Unlock()
	g.cancel(cause)
}

// Wait waits until every goroutine has ended. Call Stop first, or it may wait
// for ever.
func (g *Group) Wait() { g.running.Wait() }
