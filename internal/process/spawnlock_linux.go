package process

import (
	"sync"
	"syscall"
)

// forkTurns is how many forks may follow one another before those who wait for
// [syscall.ForkLock] have their turn.
const forkTurns = 128

// forkGate keeps the promise of [syscall.ForkLock] for forks of our own: nobody
// forks while another goroutine holds it for reading, because it has a
// descriptor that children must not get. Ours are never like that, but this
// package is part of other people's programs.
//
//nolint:gochecknoglobals // the lock that it shares out is one per process
var forkGate = newGate(&syscall.ForkLock)

// gate lets many hold the write side of a lock together.
type gate struct {
	lock sync.Locker

	mu     sync.Mutex
	empty  *sync.Cond
	inside int
	turns  int
}

func newGate(lock sync.Locker) *gate {
	g := &gate{lock: lock}
	g.empty = sync.NewCond(&g.mu)
	return g
}

func (g *gate) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.inside > 0 && g.turns >= forkTurns {
		g.empty.Wait()
	}
	if g.inside == 0 {
		g.lock.Lock()
		g.turns = 0
	}
	g.inside++
	g.turns++
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 {
		g.lock.Unlock()
		g.empty.Broadcast()
	}
}
