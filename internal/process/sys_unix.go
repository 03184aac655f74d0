//go:build unix && !linux

package process

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// containment is how this system holds a tree.
const containment = InGroup

var errNotStronger = errors.New("this system has nothing that holds the processes of a tree together")

// tree is the leader's session and group, and who descends from it.
type tree = family

// bear starts the process in a session of its own, with its stdin as the terminal
// of that where it is one.
func (p *Process) bear(s *Spec, files []*os.File) (err error) {
	for try := range 12 {
		p.os, err = os.StartProcess(s.Path, s.Args, &os.ProcAttr{
			Dir: s.Dir, Env: s.environment(), Files: files, Sys: &syscall.SysProcAttr{Setsid: true, Setctty: s.Terminal != nil},
		})
		if !errors.Is(err, syscall.ETXTBSY) {
			break
		}
		pause(try)
	}
	if err == nil {
		p.tree = newFamily(p.os.Pid, bornAt(p.os.Pid))
	}
	return err
}

// signal signals the group of a leader that may be reaped already. Its number stays
// the group's as long as a member lives, and the time between the last member's end
// and our Close is short. While the leader lives its tree is looked at first: what
// the signal makes an orphan is known afterwards. Callers hold p.mu.
func (p *Process) signal(sig syscall.Signal) error {
	if !p.exited {
		p.tree.look(everybody())
	}
	err := syscall.Kill(-p.os.Pid, sig)
	if sig != syscall.SIGKILL && sig != syscall.SIGSTOP {
		_ = syscall.Kill(-p.os.Pid, syscall.SIGCONT)
	}
	if errors.Is(err, syscall.EPERM) {
		return groupFault(err, p.os.Pid, p.exited, everybody())
	}
	return err
}

// signalLeader signals the leader. Callers hold p.mu.
func (p *Process) signalLeader(sig syscall.Signal) error {
	if !p.exited {
		p.tree.look(everybody())
	}
	return p.os.Signal(sig)
}

// find returns the members that live, but the leader.
func (p *Process) find() []kin {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	return p.tree.look(everybody())
}

// Left says no: it is not known without a search.
func (p *Process) Left() bool { return false }

// Rest returns the members of the tree but its leader, as far as they are found.
func (p *Process) Rest() []Stray { return strays(p.find()) }

// SignalRest sends a signal to the members that left the leader's group, which
// Signal does not reach.
func (p *Process) SignalRest(sig syscall.Signal) {
	for _, k := range p.find() {
		if k.group != p.os.Pid {
			_ = syscall.Kill(k.pid, sig)
			_ = syscall.Kill(k.pid, syscall.SIGCONT)
		}
	}
}

// EndRest kills the members of the tree but its leader. It returns how many it has
// ended, and what is still there after a second.
func (p *Process) EndRest() (ended int, left []Stray) {
	return end(p.find, func(k kin) { _ = syscall.Kill(k.pid, syscall.SIGKILL) })
}

// letGo has nothing to give back.
func (p *Process) letGo() {}

func (p *Process) exitState(s *os.ProcessState) State {
	state := State{Code: s.ExitCode(), Usage: Usage{UserTime: s.UserTime(), SystemTime: s.SystemTime()}}
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		state.Signal, state.Core = status.Signal(), status.CoreDump()
	}
	if u, ok := s.SysUsage().(*syscall.Rusage); ok {
		state.Usage.UserTime = time.Duration(u.Utime.Nano())
		state.Usage.PeakBytes = int64(u.Maxrss)
		state.Usage.Voluntary, state.Usage.Involuntary = int64(u.Nvcsw), int64(u.Nivcsw)
	}
	return state
}
