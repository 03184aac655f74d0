package engine

import (
	"context"
	"time"
)

// Cancel asks an execution to end. See [API].
func (e *Engine) Cancel(ctx context.Context, id ID, c Cancellation) error {
	x, err := e.alive(ctx, id)
	if err != nil {
		return err
	}
	return e.cancel(ctx, x, c, CauseCancel)
}

func (e *Engine) cancel(ctx context.Context, x *execution, c Cancellation, cause Cause) error {
	e.mu.Lock()
	if x.phase == over {
		e.mu.Unlock()
		return fault(ErrFinished, "execution %s", x.id)
	}
	if x.cancel == nil {
		x.cancel = &asked{Cancellation: c, cause: cause}
	} else if c.Force {
		x.cancel.Force = true
	}
	queued, control := e.unqueueLocked(x), x.control
	foreign, runs := x.elsewhere && x.phase == starting, x.status == Running // a plan of another program
	e.mu.Unlock()
	switch {
	case foreign && control == nil:
		return e.withdraw(ctx, x, Ending{Cause: cause, ExitCode: -1, Ended: time.Now(), CancelledBy: c.Actor, Forced: c.Force && runs})
	case queued:
		e.conclude(ctx, x, Ending{Cause: cause, ExitCode: -1})
	case control != nil:
		stop(control, c, cause)
	}
	return nil
}

// asked is the first cancel of an execution. Whoever starts it does what it says
// where it could not be done at once.
type asked struct {
	Cancellation
	cause Cause
}

func stop(control Control, c Cancellation, cause Cause) {
	if c.Force {
		control.Kill(cause, c.Actor)
	} else {
		control.Stop(cause, c.Actor)
	}
}

// expire ends an execution that waited for too long. One that a spawner took
// meanwhile waits no more.
func (e *Engine) expire(ctx context.Context, x *execution) {
	e.mu.Lock()
	queued := e.unqueueLocked(x)
	e.mu.Unlock()
	if queued {
		e.conclude(ctx, x, Ending{Cause: CauseQueueTimeout, ExitCode: -1})
	}
}
