//go:build unix && !linux

package process

import (
	"os"
	"syscall"
	"time"
)

const textBusy = syscall.ETXTBSY

// ownGroup gives the process a session of its own, and its stdin as the terminal
// of that where it is one.
func ownGroup(terminal bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Setctty: terminal}
}

// signalGroup signals the group of a leader that may be reaped already. Its
// number stays the group's as long as a member lives, and the time between the
// last member's end and our Close is short.
func signalGroup(p *os.Process, sig syscall.Signal) error {
	err := syscall.Kill(-p.Pid, sig)
	if sig != syscall.SIGKILL && sig != syscall.SIGSTOP {
		_ = syscall.Kill(-p.Pid, syscall.SIGCONT)
	}
	return err
}

func signalOne(p *os.Process, sig syscall.Signal) error { return p.Signal(sig) }

func exitState(s *os.ProcessState) State {
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
