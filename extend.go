package engine

import (
	"context"
	"time"
)

// Extend moves the deadline of an execution. See [API].
func (e *Engine) Extend(ctx context.Context, id ID, by time.Duration) (time.Time, error) {
	if by <= 0 {
		return time.Time{}, fault(ErrInvalid, "extend by %s: must be above 0", by)
	}
	x, err := e.alive(ctx, id)
	if err != nil {
		return time.Time{}, err
	}
	x.steering.Lock()
	defer x.steering.Unlock()
	total, control, err := e.extend(x, by)
	if err != nil {
		return time.Time{}, err
	}
	if control != nil && !control.Extend(total) {
		return time.Time{}, fault(ErrFinished, "execution %s is about to end", id)
	}
	e.mu.Lock()
	x.timeout = total
	deadline := x.deadline()
	e.mu.Unlock()
	e.remark(x, noteExtended, detailOf(deadline))
	return deadline, nil
}

// extend checks what an execution may run in all when it is extended. Callers hold
// its steering.
func (e *Engine) extend(x *execution, by time.Duration) (total time.Duration, control Control, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case x.phase == over:
		return 0, nil, fault(ErrFinished, "execution %s", x.id)
	case x.timeout == Forever:
		return 0, nil, fault(ErrInvalid, "execution %s has no deadline to move", x.id)
	case by > e.config.MaxTimeout-x.timeout:
		return 0, nil, Advise(fault(ErrTimeoutTooLarge, "%s more than %s is above the maximum of %s", by, x.timeout, e.config.MaxTimeout),
			"ask for less, or raise max_timeout_ms")
	}
	return x.timeout + by, x.control, nil
}

// deadline is when its timeout ends it; zero while it does not run or where it has none.
// Callers hold the engine's mu.
func (x *execution) deadline() time.Time {
	if x.phase != going || x.timeout == Forever {
		return time.Time{}
	}
	return x.started.Add(x.timeout).UTC().Truncate(time.Microsecond)
}

// detailOf is a time as a note in a journal carries it.
func detailOf(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMicro())
}

func deadlineOf(detail uint64) time.Time {
	if detail == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(detail)).UTC()
}

// maxRemarks is how many resizes and extensions of one execution are events: notes
// are never let go, and these come as often as a caller likes.
const maxRemarks = 1000

// remark notes something that was done to an execution. Callers hold its steering.
func (e *Engine) remark(x *execution, code uint8, detail uint64) {
	if x.remarks < maxRemarks {
		x.remarks++
		x.journal.NoteDetail(code, detail)
	}
}

// steer does with an execution that has just been started what was asked while it
// waited for that.
func (e *Engine) steer(ctx context.Context, x *execution, control Control) {
	x.steering.Lock()
	defer x.steering.Unlock()
	e.mu.Lock()
	x.control = control
	timeout, size, late := x.timeout, x.size, x.late
	x.late = nil
	e.mu.Unlock()
	e.passOn(ctx, x, control, late)
	if timeout != x.launch.Timeout {
		control.Extend(timeout)
	}
	if x.launch.Terminal != nil && size != *x.launch.Terminal {
		_ = control.Resize(size) // it has ended
	}
}
