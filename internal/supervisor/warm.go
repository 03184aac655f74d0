package supervisor

import (
	"context"
	"time"
)

// spare is a supervisor for an execution that has not come yet: it is ready, gets ready, or
// is about to be started.
type spare struct {
	ready  chan *lines   // holds it; closed behind it, or where there is none
	needed chan struct{} // closed where an execution waits for it
}

// breath is how long the start of a spare waits while there is another: it would take from
// the execution that has just started, on its way to its first line, the processor that both
// need.
const breath = 20 * time.Millisecond

// warmUp has another spare get ready where there are fewer than there should be.
func (r *Runner) warmUp() {
	var pause time.Duration
	if len(r.warm) > 0 {
		pause = breath
	}
	s := &spare{ready: make(chan *lines, 1), needed: make(chan struct{})}
	select {
	case r.warm <- s:
	default:
		return
	}
	begun := r.group.Go(func(ctx context.Context) {
		defer close(s.ready)
		if !s.wait(ctx, pause) {
			return
		}
		if l, err := r.supervisor(); err == nil { // else whoever needs one is told
			s.ready <- l
		}
	})
	if !begun {
		close(s.ready)
	}
}

// wait waits for so long, or until it is needed. It reports whether it is to be started.
func (s *spare) wait(ctx context.Context, pause time.Duration) bool {
	select {
	case <-time.After(pause):
	case <-s.needed:
	case <-ctx.Done():
		return false
	}
	return true
}

// spare takes the spare that is ready first, and waits for it: to start another would take
// longer. It is nil where there is none, or where something was in its way, which the next
// one tells.
func (r *Runner) spare() *lines {
	select {
	case s := <-r.warm:
		close(s.needed)
		return <-s.ready
	default:
		return nil
	}
}
