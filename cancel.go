package engine

import "context"

// Cancel asks an execution to end. See [API].
func (e *Engine) Cancel(_ context.Context, id ID, c Cancellation) error {
	return e.cancel(id, c, CauseCancel)
}

func (e *Engine) cancel(id ID, c Cancellation, cause Cause) error {
	e.mu.Lock()
	x, ok := e.live[id]
	if !ok {
		_, err := e.shelf.find(id)
		e.mu.Unlock()
		if err == nil {
			err = fault(ErrFinished, "execution %s", id)
		}
		return err
	}
	if x.cancel == nil {
		x.cancel = &asked{Cancellation: c, cause: cause}
	} else if c.Force {
		x.cancel.Force = true
	}
	queued, control := e.queue.remove(x), x.control
	e.mu.Unlock()
	switch {
	case queued:
		e.finish(x, Ending{Cause: cause, ExitCode: -1})
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
func (e *Engine) expire(x *execution) {
	e.mu.Lock()
	queued := e.queue.remove(x)
	e.mu.Unlock()
	if queued {
		e.finish(x, Ending{Cause: CauseQueueTimeout, ExitCode: -1})
	}
}
