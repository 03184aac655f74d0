package daemon

import (
	"sync"

	"golang.org/x/time/rate"
)

// turnstile counts who is inside, and lets nobody in when there are too many or it is
// closed.
type turnstile struct {
	most int

	mu     sync.Mutex
	inside int
	closed bool
	empty  chan struct{} // closed when it is closed and nobody is inside
}

func newTurnstile(most int) *turnstile { return &turnstile{most: most, empty: make(chan struct{})} }

func (t *turnstile) enter() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.inside >= t.most {
		return false
	}
	t.inside++
	return true
}

func (t *turnstile) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inside--
	t.doneLocked()
}

// close lets nobody in any more. The channel is closed when the last has left.
func (t *turnstile) close() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.closed = true
		t.doneLocked()
	}
	return t.empty
}

// isClosed reports whether it will never let in anybody any more.
func (t *turnstile) isClosed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

func (t *turnstile) doneLocked() {
	if t.closed && t.inside == 0 {
		close(t.empty)
	}
}

// rates are bounds on how often, one for each name. The zero value is ready. It keeps no
// more names than fit: forgetting one lets it start anew.
type rates struct {
	mu    sync.Mutex
	names map[string]*rate.Limiter
}

const mostNames = 4096

// allow reports whether name may once more, and counts it.
func (r *rates) allow(name string, perSecond int) bool { return r.of(name, perSecond).Allow() }

// spent reports whether name may not any more at the moment. It counts nothing.
func (r *rates) spent(name string, perSecond int) bool { return r.of(name, perSecond).Tokens() < 1 }

func (r *rates) of(name string, perSecond int) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.names[name]
	if l != nil && l.Limit() == rate.Limit(perSecond) {
		return l
	}
	if r.names == nil || len(r.names) >= mostNames {
		r.names = make(map[string]*rate.Limiter)
	}
	l = rate.NewLimiter(rate.Limit(perSecond), 2*perSecond)
	r.names[name] = l
	return l
}
