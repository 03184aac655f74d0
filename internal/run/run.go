package run

import (
	"errors"
	"hash"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/process"
	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// afterKill is how long a killed tree gets to let its pipes go before they are
// given up.
const afterKill = 250 * time.Millisecond

// unkillable is how long a leader may hang in the kernel after KILL.
const unkillable = 5 * time.Second

// teePatience is how long a killed tree's last output may wait for a tee that is
// slow to take it.
const teePatience = 5 * time.Second

type phase uint8

const (
	running phase = iota
	stopping
	killing
	ended
)

// Run is one execution that was started. It is safe for concurrent use.
type Run struct {
	terms   Terms
	program string
	alarms  *alarms
	tell    func(Ending)
	streams [2]stream
	wrote   atomic.Int64 // when output came last, in nanoseconds since started
	started time.Time

	mu      sync.Mutex
	process *process.Process // nil until Start returns
	alarm   alarm            // what next says
	phase   phase
	hurried bool // no more time is allowed for the tee
	forced  bool
	held    bool
	gaveUp  bool
	hung    bool // the leader cannot be killed
	atTree  bool // somebody is at the tree without mu: see visit
	told    bool // the rest of the tree was asked to end
	eofs    int8
	cause   Cause
	by      any // who gave it
	killAt  time.Time
	dueAt   time.Time      // when the phase is over, or is to be looked at again
	teed    time.Duration  // time in the tee that dueAt has allowed for
	state   *process.State // how the leader has ended; nil while it lives
	restAt  time.Time      // until then the rest of the tree may end by itself
	remains *remains       // nil: none that are known

	over    atomic.Bool   // the ending is told: nothing may be recorded any more
	log     *copied       // nil: none
	digests *[2]hash.Hash // of what is recorded, by stream; nil: nobody asked
}

// remains are what the leader has left behind.
type remains struct {
	swept int
	left  []process.Stray
}

// copied is the plain copy of both streams.
type copied struct {
	mu  sync.Mutex
	to  io.Writer
	err error
}

// stream is what one output stream needs on its way to the journal.
type stream struct {
	masker *redact.Stream
	record func([]byte)
	bytes  int64
	tee    stopwatch
	eof    bool // Run.mu; set by EOF, or where a tee that hangs was given up
	cut    bool // Run.mu; it was given up
}

// begin is called when the process runs: its time counts from here.
func (r *Run) begin(then func()) {
	r.started = time.Now()
	if then != nil {
		then()
	}
}

// Stop asks the tree to end: the stop signal now, KILL when the grace is over.
// It reports whether this call is the one that ends the run; false if it was
// being stopped or had exited already. Of one that has exited and only waits for
// its output, it ends the waiting. By is who asked for it, for the ending.
func (r *Run) Stop(cause Cause, by any) bool {
	r.mu.Lock()
	won := r.stop(cause, by)
	r.hurry()
	r.advance()
	return won
}

// Kill ends the tree now, as Stop does with no grace. On a run that is being
// stopped it cuts the grace short and leaves the cause as it is.
func (r *Run) Kill(cause Cause, by any) bool {
	r.mu.Lock()
	won := r.stop(cause, by)
	if r.phase == stopping {
		r.killAt, r.restAt = time.Now(), time.Time{}
	}
	r.hurry()
	r.advance()
	return won
}

// Extend lets the run go on until timeout after its start, where that is later than
// before. It reports false where that makes no difference any more: it was stopped or
// has exited, or has no timeout.
func (r *Run) Extend(timeout time.Duration) bool {
	r.mu.Lock()
	if r.phase != running || r.exited() || r.terms.Timeout <= 0 {
		r.mu.Unlock()
		return false
	}
	r.terms.Timeout = max(r.terms.Timeout, timeout)
	r.advance()
	return true
}

// hurry ends the wait for output of a process that has exited, and for a tee
// where the tree was killed. Callers hold r.mu.
func (r *Run) hurry() {
	switch {
	case r.phase == running && r.exited():
		r.dueAt, r.hurried = time.Now(), true
	case r.phase == killing:
		r.hurried = true
	}
}

func (r *Run) stopSignal() syscall.Signal {
	if r.terms.StopSignal != 0 {
		return r.terms.StopSignal
	}
	return syscall.SIGTERM
}

// stop takes the run from running to stopping. Callers hold r.mu.
func (r *Run) stop(cause Cause, by any) bool {
	if r.phase != running || r.exited() {
		return false
	}
	r.phase, r.cause, r.by = stopping, cause, by
	r.killAt = time.Now().Add(r.terms.Grace)
	if r.process != nil {
		r.ask()
	}
	r.announce(Stopping)
	return true
}

// ask sends the stop signal. Where there is none the grace is over at once: it would
// be waited out by a program that knows of nothing. Callers hold r.mu.
func (r *Run) ask() {
	send := r.process.Signal
	if r.terms.StopLeader {
		send = r.process.SignalLeader
	}
	if err := send(r.stopSignal()); errors.Is(err, process.ErrNoSignal) {
		r.killAt = time.Now()
	}
}

func (r *Run) announce(p Phase) {
	if r.terms.Phase != nil {
		r.terms.Phase(p)
	}
}

// exited reports whether the leader has. Callers hold r.mu.
func (r *Run) exited() bool { return r.state != nil }

// Exited is called by the process's poller.
func (r *Run) Exited(s process.State) {
	r.mu.Lock()
	r.state = &s
	switch now := time.Now(); r.phase {
	case running:
		r.dueAt, r.teed = now.Add(r.terms.WaitDelay), r.inTee()
	case stopping:
		r.restAt, r.dueAt = now.Add(min(restGrace, r.killAt.Sub(now))), now
		if r.terms.StopLeader {
			r.told, r.killAt = true, r.restAt
		}
	case killing, ended:
	}
	r.advance()
}

// EOF is called by the process's poller, or by whoever drains the pipe.
func (r *Run) EOF(n int) {
	s := &r.streams[n-1]
	if s.masker != nil && !r.over.Load() {
		s.masker.Flush(s.record)
	}
	r.mu.Lock()
	if !s.eof {
		s.eof = true
		r.eofs++
	}
	r.advance()
}
