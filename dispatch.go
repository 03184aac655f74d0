package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// retryStart is how long the engine waits before it asks a system that was out
// of something again, unless an execution ends before: ten times as long as it took
// to be refused, so that asking takes little of what everybody is short of, between these.
const (
	retryStart     = 50 * time.Millisecond
	retryStartLast = time.Second
)

// dispatchLocked sees to it that whoever may start is started: by spawners, as
// many as there may be forks in flight.
func (e *Engine) dispatchLocked() {
	for !e.leaving() && e.spawners < e.spawnersLocked() && e.queue.len() > e.seeking && e.active+e.seeking < e.config.MaxConcurrent {
		e.spawners++
		e.seeking++
		if !e.group.Go(e.spawn) {
			e.spawners--
			e.seeking--
			return
		}
	}
}

// spawnersLocked is how many spawners there may be. While the system is out of something
// it is one: many would take from each other what is there for one.
func (e *Engine) spawnersLocked() int {
	if e.scarce {
		return 1
	}
	return e.forks
}

// leaving reports whether what waits is left to the next engine. Callers hold mu.
func (e *Engine) leaving() bool { return e.closed && e.outlived() }

// spawn starts executions until none waits or no slot is free.
func (e *Engine) spawn(ctx context.Context) {
	for x := e.take(true); x != nil; x = e.take(false) {
		e.start(ctx, x)
	}
}

// startHere starts an execution in the goroutine of Execute, because it is alone:
// handing it to a spawner costs two changes of thread, as much as all else that
// the engine does for it. What comes meanwhile goes to spawners.
func (e *Engine) startHere(x *execution) {
	e.start(e.group.Context(), x)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.spawners--
	e.dispatchLocked()
	e.idleLocked()
}

// take gives the next execution and a slot to a spawner, or ends the spawner. A
// new one was seeking until it came here; one that is starting something seeks
// nothing, and must not be waited for.
func (e *Engine) take(isNew bool) *execution {
	e.mu.Lock()
	defer e.mu.Unlock()
	if isNew {
		e.seeking--
	}
	if !e.leaving() && e.spawners <= e.spawnersLocked() && e.active < e.config.MaxConcurrent && !time.Now().Before(e.backoff) {
		if x := e.queue.pop(); x != nil {
			e.active++
			x.takeLocked()
			return x
		}
	}
	e.spawners--
	e.idleLocked()
	return nil
}

// takeLocked ends the waiting of an execution that got a slot. What was asked of it
// meanwhile is now what it starts with.
func (x *execution) takeLocked() {
	x.phase = starting
	x.launch.Timeout, x.launch.AcceptedAt = x.timeout, x.accepted
	x.startWithLocked()
	if x.launch.Terminal != nil {
		*x.launch.Terminal = x.size
	}
	if x.expiry != nil {
		x.expiry.Stop()
	}
}

// mayStart asks the policy once more. Where it refuses, or who asked has cancelled, the
// execution has ended.
func (e *Engine) mayStart(ctx context.Context, x *execution) bool {
	if e.config.Policy != nil {
		if err := e.allowed(ctx, x, true); err != nil {
			e.conclude(ctx, x, Ending{Cause: CausePolicy, ExitCode: -1, Error: x.launch.Mask(err.Error())})
			return false
		}
	}
	return !e.cancelledBefore(ctx, x)
}

// start hands an execution that may start to the runner.
func (e *Engine) start(ctx context.Context, x *execution) {
	if !e.mayStart(ctx, x) {
		return
	}
	asked := time.Now()
	control, err := e.runner.Start(ctx, x.launch)
	switch {
	case err == nil:
		e.controlled(ctx, x, control)
	case errors.Is(err, ErrBusy):
		e.requeue(ctx, x, time.Since(asked))
	default:
		e.conclude(ctx, x, Ending{Cause: CauseSpawn, ExitCode: -1, Error: x.launch.Mask(err.Error())})
	}
}

// cancelledBefore ends an execution that was cancelled while a spawner had it.
func (e *Engine) cancelledBefore(ctx context.Context, x *execution) bool {
	e.mu.Lock()
	cancel := x.cancel
	e.mu.Unlock()
	if cancel != nil {
		e.conclude(ctx, x, Ending{Cause: cancel.cause, ExitCode: -1})
	}
	return cancel != nil
}

// controlled keeps the control of an execution that runs, and does what was
// asked before it was known.
func (e *Engine) controlled(ctx context.Context, x *execution, control Control) {
	e.steer(ctx, x, control)
	e.mu.Lock()
	if e.scarce && !x.elsewhere { // there was enough for this one
		e.scarce = false
		e.dispatchLocked()
	}
	if c, ok := control.(interface {
		Began() (at time.Time, timeout time.Duration)
	}); ok && x.phase == going { // another process counts its time
		x.started, x.timeout = c.Began()
	}
	launch := x.launch
	x.launch = nil
	var cancel asked
	if x.cancel != nil {
		cancel = *x.cancel
	}
	x.attachLocked()
	x.beganLocked()
	e.mu.Unlock()
	if e.local != nil { // which keeps nothing of it; whoever is not ours may
		e.launches.take(launch)
	}
	if cancel.cause != "" {
		stop(control, cancel.Cancellation, cancel.cause)
	}
}

// attachLocked lets those go on who wait to write to its stdin.
func (x *execution) attachLocked() {
	if x.attached == nil {
		return
	}
	select {
	case <-x.attached:
	default:
		close(x.attached)
	}
}

// requeue puts an execution back to the front of the queue: the system is out
// of something that comes back, and that is no fault of the execution. It took so long
// to find out.
func (e *Engine) requeue(ctx context.Context, x *execution, took time.Duration) {
	e.mu.Lock()
	if cancel := x.cancel; cancel != nil {
		e.mu.Unlock()
		e.conclude(ctx, x, Ending{Cause: cancel.cause, ExitCode: -1})
		return
	}
	e.active--
	e.scarce = true
	x.phase = waiting
	x.beganLocked() // it will be started with what was added
	e.queue.unpop(x)
	wait := min(max(retryStart, 10*took), retryStartLast)
	e.backoff = time.Now().Add(wait)
	e.expireLocked(x) //nolint:contextcheck // the timer of its waiting outlives the call
	e.mu.Unlock()
	time.AfterFunc(wait, e.wakeDispatch)
}

func (e *Engine) wakeDispatch() {
	e.mu.Lock()
	e.dispatchLocked()
	e.mu.Unlock()
}

// began is called by the runner when the process runs.
func (e *Engine) began(x *execution) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x.phase != starting || !x.become(Running) {
		return // the runner broke its contract
	}
	x.phase = going
	if x.started.IsZero() { // of one from elsewhere it may be known
		x.started = time.Now()
	}
	e.running++
	if e.ledger != nil && !x.noted {
		e.ledger.began(x.id, x.started)
	}
	x.journal.Note(noteStarted, width(noteStarted))
	e.lives.tell(x, noteStarted)
	if m := x.member; m != nil {
		m.run.began(m.index, m.attempt)
	}
}

// noteStop notes how far a stop is.
func noteStop(j *Journal, kind EventKind) {
	code := noteStopping
	if kind == ExecutionKilling {
		code = noteKilling
	}
	j.Note(code, width(code))
}

// finish is the one way an execution ends.
func (e *Engine) finish(x *execution, end Ending) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x.phase == over {
		return
	}
	f := conclude(x, end, x.canceller(&end))
	e.releaseLocked(x)
	if f.started == 0 {
		f.started = nanos(x.started)
	}
	if !x.become(f.status) { // the runner ended by itself what it had not started
		f.status, f.success = Lost, false
		x.become(Lost)
	}
	x.phase, x.final, x.control = over, f, nil
	x.attachLocked()
	x.beganLocked()
	if x.elsewhere && x.journal.End() == 0 { // it has no record of its own
		x.journal.Note(noteAccepted, width(noteAccepted))
	}
	x.journal.Close(noteEnded, width(noteEnded))
	e.countLocked(f.status)
	e.removeLocked(x)
	e.shelf.put(f)
	if x.reader != nil {
		e.deliver.finished(x.reader, e.shelf.next-1)
	}
	e.lives.tell(x, noteEnded)
	e.trimLocked(time.Now())
	e.freeLocked()
	if e.ledger != nil {
		e.ledger.ended(f)
	}
	if x.done != nil {
		close(x.done)
	}
	if m := x.member; m != nil {
		m.run.end(planEnd{index: m.index, state: f.status, final: f})
	}
	e.dispatchLocked()
	e.idleLocked()
}

// canceller is who cancelled it, where that is why it ended. Callers hold the
// engine's mu.
func (x *execution) canceller(end *Ending) (by Actor) {
	switch {
	case end.Cause != CauseCancel:
	case end.CancelledBy != Actor{}:
		by = end.CancelledBy
	case x.cancel != nil:
		by = x.cancel.Actor
	}
	return by
}

// releaseLocked gives back what an execution held.
func (e *Engine) releaseLocked(x *execution) {
	if x.phase == going {
		e.running--
	}
	if x.phase != waiting && x.plan == nil {
		e.active--
		e.backoff = time.Time{} // what it used may be what was missing
	}
	if next := e.locks.release(x); next != nil {
		e.admitLocked(next)
	}
	if x.expiry != nil {
		x.expiry.Stop()
	}
}

// removeLocked takes an execution out of those that are live.
func (e *Engine) removeLocked(x *execution) {
	delete(e.live, x.id)
	if x.elsewhere {
		e.foreign--
	}
}

func (e *Engine) countLocked(s Status) {
	switch s {
	case Completed:
		e.stats.Completed++
	case Cancelled:
		e.stats.Cancelled++
	case TimedOut:
		e.stats.TimedOut++
	case Rejected:
		e.stats.Rejected++
	case Lost:
		e.stats.Lost++
	default:
		e.stats.Failed++
	}
}

// allowed asks the policy. A policy that panics denies.
func (e *Engine) allowed(ctx context.Context, x *execution, start bool) (err error) {
	if e.config.Policy == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fault(ErrDenied, "the policy panicked: %v", p)
		}
	}()
	err = e.config.Policy.Check(ctx, Action{
		ID: x.id, Request: *x.launch.Request, Argv: x.launch.Argv, Path: x.launch.Path, Starting: start,
	})
	if err == nil || errors.Is(err, ErrDenied) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDenied, err)
}
