package process

import (
	"errors"
	"io"
	"slices"
	"syscall"
	"time"
)

// Spec is what to start. Path and Args are required.
type Spec struct {
	Path string   // file to execute; absolute, or relative to Dir
	Args []string // the whole argument vector, Args[0] included
	Env  []string // the environment, "K=V"
	Dir  string   // working directory; empty: that of this process

	// Stdin is what the process reads; nil gives it /dev/null.
	Stdin io.Reader
	// Interactive gives it a pipe that Process.Write writes to, instead of Stdin.
	Interactive bool
	// Terminal, if not nil, gives it a pseudo-terminal of this size as stdin, stdout,
	// stderr and controlling terminal, in a session of its own. What is written to it
	// is one stream, Stdout; Process.Write types. Stdin must be nil.
	Terminal *Size

	// Blocking says that the Observer's Output may wait (a tee into a pipe):
	// it is then never called from the poller.
	Blocking bool

	// Started, if not nil, is called once the process runs, before any call to the
	// Observer.
	Started func()

	// Mark is one more entry of the environment, which only this tree carries: its
	// members are found by it where there is nothing better. Empty: none.
	Mark string

	// Limits bound what the tree may use.
	Limits Limits
	// NoNewPrivileges keeps the tree from gaining rights by what it executes
	// (set-user-ID, file capabilities). Linux only: elsewhere Start refuses it.
	NoNewPrivileges bool
}

// environment is Env and the mark. It is a copy where there is one: others may
// share Env.
func (s *Spec) environment() []string {
	if s.Mark == "" {
		return s.Env
	}
	return append(slices.Clip(s.Env), s.Mark)
}

// Observer hears of one process. The methods must not wait, except Output
// where Spec.Blocking is set.
type Observer interface {
	// Output hands over bytes that stream (1 stdout, 2 stderr) was read as. They
	// are valid during the call only.
	Output(stream int, p []byte)
	// EOF says that nothing more comes from the stream.
	EOF(stream int)
	// Exited says how the process ended. It is not reaped yet.
	Exited(State)
}

// State is how a process ended.
type State struct {
	Code   int            // exit code; -1 where a signal ended it
	Signal syscall.Signal // signal that ended it; 0 where it exited
	Core   bool           // a core was dumped
	Usage  Usage
}

// Usage is what a process and the children it waited for have used. Fields the
// system does not tell are 0.
type Usage struct {
	UserTime    time.Duration
	SystemTime  time.Duration
	PeakBytes   int64 // largest resident set of any one of them; on Linux 0 where it is not above ours
	Voluntary   int64 // context switches: it waited
	Involuntary int64 // context switches: its time was up
	ReadBlocks  int64 // file system reads, in blocks
	WriteBlocks int64 // file system writes, in blocks
}

// ErrBusy is returned by Start when the system is out of something that comes
// back: descriptors, processes or memory. Nothing was started; try again later.
var ErrBusy = errors.New("out of descriptors, processes or memory")

// Stream numbers in calls to an Observer.
const (
	Stdout = 1
	Stderr = 2
)
