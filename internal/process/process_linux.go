package process

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Process is one process that was started, and through its session and group
// the tree below it. It is safe for concurrent use.
type Process struct {
	table    *Table
	observer Observer
	blocking bool
	marks    marks
	pid      int // of the leader
	child    int // ours: the leader, or its reaper
	pidfd    int // of the leader; -1 where it is not our child
	slot     int32
	out      [2]pipe
	feed     *feeder
	group    *cgroup // nil: none
	bound    *bound  // nil: no limits
	input    *input  // nil where stdin is not written to by Write
	reaper   *reaper // nil: none

	mu     sync.Mutex
	exited bool
	closed bool
	reaped bool
}

// Pid returns the process id, which is that of its group and session too.
func (p *Process) Pid() int { return p.pid }

// watchExit waits for the exit in the poller, or where the kernel gave no pidfd
// in a goroutine.
func (p *Process) watchExit() error {
	if p.reaper != nil {
		p.reaper.watch()
		return nil
	}
	if p.pidfd < 0 {
		go p.ready(0)
		return nil
	}
	p.mu.Lock() // ready must not run before the slot is known
	defer p.mu.Unlock()
	slot, err := p.table.poller.add(p.pidfd, p)
	p.slot = slot
	if err != nil {
		go p.ready(0) // nothing is lost: a blocking wait does as well
		closeNow(p.pidfd)
		p.pidfd = -1
	}
	return nil
}

// ready is called when the process has exited. It looks at the state without
// reaping, so that the number of the group stays ours until Close.
func (p *Process) ready(uint32) {
	p.mu.Lock()
	if p.exited {
		p.mu.Unlock()
		return
	}
	hasPidfd := p.pidfd >= 0
	p.mu.Unlock()
	var status unix.Siginfo
	var usage unix.Rusage
	var err error
	if hasPidfd {
		err = exitNow(p.pid, &status, &usage)
	} else {
		err = ignoringEINTR(func() error { return unix.Waitid(unix.P_PID, p.pid, &status, unix.WEXITED|unix.WNOWAIT, &usage) })
	}
	state, ok := exitState(&status, &usage)
	if err != nil {
		state, ok = State{Code: -1}, true // somebody else reaped it: how it ended is not known
	}
	if !ok {
		return // spurious
	}
	p.tell(state)
}

func (p *Process) tell(state State) {
	p.mu.Lock()
	p.exited = true
	p.mu.Unlock()
	p.observer.Exited(state)
}

// Codes of siginfo for a child, from asm-generic/siginfo.h.
const (
	cldExited = 1
	cldDumped = 3
)

// exitState reads what waitid filled in; not ok when there was nothing yet.
func exitState(s *unix.Siginfo, u *unix.Rusage) (State, bool) {
	pid, status := childOf(s)
	if pid == 0 {
		return State{}, false
	}
	state := State{Usage: usageOf(u)}
	if s.Code == cldExited {
		state.Code = status
	} else {
		state.Code, state.Signal, state.Core = -1, syscall.Signal(status), s.Code == cldDumped
	}
	return state, true
}

func usageOf(u *unix.Rusage) Usage {
	return Usage{
		UserTime: time.Duration(u.Utime.Nano()), SystemTime: time.Duration(u.Stime.Nano()),
		PeakBytes: peakOf(u.Maxrss << 10), Voluntary: u.Nvcsw, Involuntary: u.Nivcsw,
		ReadBlocks: u.Inblock, WriteBlocks: u.Oublock,
	}
}

// Signal sends a signal to the whole group, on a terminal to the group in front as
// well, and CONT after it, because a
// stopped process would not see it. Once Close was called it does nothing.
func (p *Process) Signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped || p.pid <= 1 {
		return os.ErrProcessDone
	}
	p.input.signalFront(p.pid, sig)
	if p.reaper != nil {
		return p.reaper.signal(sig)
	}
	return signalGroup(p.pid, sig)
}

func signalOne(pid int, sig syscall.Signal) error {
	err := unix.Kill(pid, sig)
	_ = unix.Kill(pid, unix.SIGCONT)
	return err
}

func signalGroup(leader int, sig syscall.Signal) error {
	err := unix.Kill(-leader, sig)
	if sig != unix.SIGKILL && sig != unix.SIGSTOP {
		_ = unix.Kill(-leader, unix.SIGCONT)
	}
	return err
}

// SignalLeader sends a signal to the leader alone, and CONT after it.
func (p *Process) SignalLeader(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped || p.pid <= 1 {
		return os.ErrProcessDone
	}
	if p.reaper != nil {
		return p.reaper.ask(wish{Signal: sig, Leader: true})
	}
	return signalOne(p.pid, sig)
}

// GiveUp ends the streams although somebody still holds their other end: each
// that was open gets its EOF. It reports whether somebody may hold one: its end may
// have been there, and nobody has come to it yet.
func (p *Process) GiveUp() (held bool) {
	for i := range p.out {
		held = p.out[i].giveUp() || held
	}
	return held
}

// Close kills what is left of the group and releases the process.
func (p *Process) Close() {
	_ = p.Signal(unix.SIGKILL)
	p.Release()
}

// Release reaps the leader and frees what the process held; members of its group
// that live are not touched. Call it or Close once, after Exited and both EOFs.
// Where the leader cannot die (it hangs in the kernel), or its reaper is only just
// told to go, the zombie is left to a goroutine.
func (p *Process) Release() {
	p.stopFeeding()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	exited := p.exited
	p.exited, p.closed = true, true
	p.mu.Unlock()
	if p.reaper != nil {
		exited = p.reaper.leave()
	}
	if !exited {
		go func() {
			p.awaitExit()
			p.reap()
			p.table.living.Done()
		}()
		return
	}
	p.reap()
	p.table.living.Done()
}

// awaitExit waits until our child is a zombie, without the lock that its reaping
// takes.
func (p *Process) awaitExit() {
	_ = ignoringEINTR(func() error {
		return unix.Waitid(unix.P_PID, p.child, nil, unix.WEXITED|unix.WNOWAIT, nil)
	})
}

// reap takes our child's zombie away and gives its number back.
func (p *Process) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaped = true
	if !reapNow(p.child) {
		reapChild(p.child)
	}
	if p.pidfd >= 0 {
		p.table.poller.remove(p.slot)
		closeNow(p.pidfd)
	}
	p.letGo()
}

// letGo gives back what held the tree and what limited it.
func (p *Process) letGo() {
	if p.bound != nil {
		p.bound.release()
	}
	if p.group != nil {
		p.table.groups.release(p.group)
	}
}
