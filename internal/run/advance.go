package run

import (
	"encoding/hex"
	"syscall"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// advance ends the run if nothing is left to wait for, and else sets the timer
// for what comes next. It is called with r.mu held and releases it. Until Start
// returns the process is not known and nothing can be decided.
func (r *Run) advance() {
	if r.process == nil || r.phase == ended {
		r.mu.Unlock()
		return
	}
	if r.quiet() && r.phase == running && r.alone() {
		r.phase = ended
		r.mu.Unlock()
		r.finish()
		return
	}
	if next := r.next(); !next.IsZero() && !r.atTree {
		r.alarms.set(&r.alarm, next)
	}
	r.mu.Unlock()
}

// quiet reports whether the leader has gone and nothing more can be written.
// Callers hold r.mu.
func (r *Run) quiet() bool { return r.exited() && int(r.eofs) == len(r.streams) }

// next is when tick has something to do; zero: never.
func (r *Run) next() time.Time {
	switch {
	case r.phase == stopping && r.exited() && !r.told: // the others are to be asked
		return r.started
	case r.phase == stopping && r.quiet(): // they may take their time
		return r.dueAt
	case r.quiet(): // what is left needs a goroutine
		return r.started
	case r.phase == stopping:
		return r.killAt
	case r.phase == killing || r.exited():
		return r.dueAt
	case r.terms.IdleTimeout > 0 && (r.terms.Timeout <= 0 || r.idleAt().Before(r.limit())):
		return r.idleAt()
	case r.terms.Timeout > 0:
		return r.limit()
	}
	return time.Time{}
}

func (r *Run) limit() time.Time { return r.started.Add(r.terms.Timeout) }

func (r *Run) idleAt() time.Time {
	return r.started.Add(time.Duration(r.wrote.Load()) + r.terms.IdleTimeout)
}

// tick runs in a goroutine of its own, where waiting is allowed.
func (r *Run) tick() {
	r.mu.Lock()
	if r.phase == ended || r.atTree {
		r.mu.Unlock()
		return
	}
	now := time.Now()
	switch {
	case r.phase == stopping && r.exited() && !r.told:
		r.tellRest()
		return
	case r.phase == stopping && r.quiet() && now.Before(r.restAt) && r.process.Left():
		r.dueAt = now.Add(lookAgain)
	case r.quiet():
		r.phase = ended
		r.mu.Unlock()
		r.sweep()
		r.finish()
		return
	case r.phase == killing && !r.exited() && !now.Before(r.dueAt) && now.Sub(r.killAt) <= unkillable:
		r.dueAt = now.Add(afterKill) // it holds its pipes itself
	case r.phase == killing && !now.Before(r.dueAt):
		if now.Sub(r.killAt) > teePatience || !r.allow(&r.dueAt) {
			r.leave(now)
			return
		}
	case r.phase == stopping && !now.Before(r.killAt):
		r.forced = true
		r.kill(now)
		return
	case r.phase == running && r.exited() && !now.Before(r.dueAt):
		if !r.allow(&r.dueAt) {
			r.held = true
			r.kill(now)
			return
		}
	case r.phase != running || r.exited():
	case r.terms.Timeout > 0 && !now.Before(r.limit()):
		r.stop(TimedOut, nil)
	case r.terms.IdleTimeout > 0 && !now.Before(r.idleAt()):
		r.stop(IdleTooLong, nil)
	}
	r.advance()
}

// restGrace is how long those get to end by themselves whose leader has, after it
// was asked to: the grace is the leader's.
const restGrace = 500 * time.Millisecond

// lookAgain is how often they are looked at.
const lookAgain = 20 * time.Millisecond

// alone reports whether nothing is left of the tree but its leader, as far as that
// is known without a search. Callers hold r.mu.
func (r *Run) alone() bool {
	if r.process.Containment() == process.InGroup && r.terms.Leave {
		return false
	}
	return !r.process.Left()
}

// tellRest asks those to end whom the leader has left behind in groups of their
// own. Not before it has gone: it may be ending them itself, and twice is once too
// often for some. It is called with r.mu held and releases it.
func (r *Run) tellRest() {
	r.told = true
	r.visit(func() { r.process.SignalRest(r.stopSignal()) })
	r.advance()
}

// allow moves a deadline by the time that went by in the tee since it was set:
// that time is ours, not of whoever might hold the pipe. It reports whether there
// was any. Callers hold r.mu.
func (r *Run) allow(deadline *time.Time) bool {
	more := r.inTee() - r.teed
	if more <= 0 || r.hurried {
		return false
	}
	r.teed += more
	*deadline = deadline.Add(more)
	return true
}

// kill ends what is left of the tree. It is called with r.mu held and releases
// it.
func (r *Run) kill(now time.Time) {
	r.phase, r.killAt = killing, now
	r.dueAt, r.teed = now.Add(afterKill), r.inTee()
	if !r.held {
		r.announce(Killing)
	}
	if !r.mayStay() {
		_ = r.process.Signal(syscall.SIGKILL)
	}
	r.visit(r.sweep)
	r.advance()
}

// visit calls f without r.mu, which is held before and after. Meanwhile nothing
// else ends the run: what holds the tree goes to another when it has ended, and f
// would signal that.
func (r *Run) visit(f func()) {
	r.atTree = true
	r.mu.Unlock()
	f()
	r.mu.Lock()
	r.atTree = false
}

// leave gives up the pipes that somebody still holds and, in the end, a tee that
// does not return and a leader that does not die. It is called with r.mu held and
// releases it.
func (r *Run) leave(now time.Time) {
	if r.gaveUp {
		r.cut()
	}
	r.gaveUp = true
	r.dueAt = now.Add(afterKill)
	if !r.exited() && now.Sub(r.killAt) > unkillable {
		r.state, r.hung = &process.State{Code: -1}, true
	}
	open, held := int(r.eofs) < len(r.streams), false
	r.visit(func() { held = r.process.GiveUp() })
	r.held = r.held || open && held
	r.advance()
}

// cut ends the streams whose tee has not returned since their pipe was given up:
// what they still hold is lost, and Ending.PipeHeld says so. Callers hold r.mu.
func (r *Run) cut() {
	for i := range r.streams {
		if s := &r.streams[i]; !s.eof {
			s.eof, s.cut = true, true
			r.eofs++
		}
	}
}

// sweep ends the members of the tree that outlive the leader, or names them where
// they may stay.
func (r *Run) sweep() {
	r.mu.Lock()
	stay := r.mayStay()
	r.mu.Unlock()
	var swept int
	var left []process.Stray
	if stay {
		left = r.process.Rest()
	} else {
		swept, left = r.process.EndRest()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.remains != nil:
		r.remains.swept += swept
		r.remains.left = left
	case swept > 0 || len(left) > 0:
		r.remains = &remains{swept, left}
	}
}

// mayStay reports whether what outlives the leader is left alone: where the run
// ends by itself. Callers hold r.mu.
func (r *Run) mayStay() bool { return r.terms.Leave && r.cause == "" }

// finish frees the process and tells how it ended. The phase is ended: nobody
// else comes here.
func (r *Run) finish() {
	r.over.Store(true)
	r.mu.Lock()
	stay := r.mayStay()
	r.mu.Unlock()
	hits := r.process.Hits()
	if stay || r.process.Containment() != process.InGroup { // which is empty, or what is in it cannot be killed
		r.process.Release()
	} else {
		r.process.Close()
	}
	r.alarms.clear(&r.alarm)
	r.mu.Lock()
	e := r.ending(hits)
	r.mu.Unlock()
	r.tell(e)
}

// tooMuch reports whether a stream wrote more than it may. Callers hold r.mu, and
// the streams have ended.
func (r *Run) tooMuch() bool {
	for i := range r.streams {
		if s := &r.streams[i]; !s.cut && r.terms.MaxOutputBytes > 0 && s.bytes > r.terms.MaxOutputBytes {
			return true
		}
	}
	return false
}

// ending is what is told. Callers hold r.mu.
func (r *Run) ending(hits process.Hits) Ending {
	e := Ending{
		Cause: r.cause, By: r.by, State: *r.state, Started: r.started, Ended: time.Now(),
		Forced: r.forced, PipeHeld: r.held, Hits: hits, Containment: r.process.Containment(),
	}
	if r.remains != nil {
		e.Swept, e.Survivors = r.remains.swept, r.remains.left
	}
	if r.hung {
		e.Survivors = append(e.Survivors, process.Stray{Pid: r.process.Pid(), Command: r.program})
	}
	if r.log != nil {
		e.LogError = r.log.fault()
	}
	for i := range r.streams {
		if m := r.streams[i].masker; m != nil && !r.streams[i].cut {
			e.Masks += m.Masks()
		}
		if r.digests != nil && !r.streams[i].cut {
			e.SHA256[i] = hex.EncodeToString(r.digests[i].Sum(nil))
		}
	}
	switch {
	case e.Cause != "":
	case r.tooMuch(): // it exited before its last bytes were read
		e.Cause = TooMuch
	case hits.Memory && (r.state.Signal != 0 || r.state.Code != 0):
		e.Cause = NoMemory
	case hits.Processes && (r.state.Signal != 0 || r.state.Code != 0):
		e.Cause = NoProcess
	case r.state.Signal != 0:
		e.Cause = Signaled
	case r.state.Code < 0:
		e.Cause = Lost
	default:
		e.Cause = Exited
	}
	return e
}
