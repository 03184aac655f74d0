//go:build !linux

package process

import (
	"fmt"
	"os"
	"sync"
	"syscall"
)

// Table holds the processes of one engine. It is safe for concurrent use; the
// zero value is not usable.
type Table struct {
	mu     sync.Mutex
	living sync.WaitGroup
	closed bool
}

// NewTable opens an empty table. Close it when its processes are closed.
//
// Errors: ErrNoContainment.
func NewTable(o Options) (*Table, error) {
	if o.Containment != "" && o.Containment != containment {
		return nil, fmt.Errorf("%w: this system has %s", ErrNoContainment, containment)
	}
	return &Table{}, nil
}

// ReaperMain is for Linux; here it does nothing.
func ReaperMain() {}

// Containment is how this table holds its trees.
func (t *Table) Containment() Containment { return containment }

// WhyNotStronger says why trees are not held more strongly; nil if they are.
func (t *Table) WhyNotStronger() error { return errNotStronger }

// Close waits until every process is closed.
func (t *Table) Close() error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.living.Wait()
	return nil
}

// Cgroup is "": there are none here.
func (t *Table) Cgroup() string { return "" }

// Start starts a process and returns once it runs. The observer may be called
// before Start returns. Errors: [ErrBusy], [ErrUnenforced], or what the system says
// of the path, the directory or the arguments.
func (t *Table) Start(s Spec, o Observer) (*Process, error) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil, os.ErrClosed
	}
	t.living.Add(1)
	t.mu.Unlock()
	p := &Process{table: t, observer: o}
	if err := p.start(&s); err != nil {
		t.living.Done()
		return nil, Busy(err)
	}
	return p, nil
}

func (p *Process) start(s *Spec) error {
	if err := s.check(); err != nil {
		return err
	}
	theirs, err := p.ends(s)
	defer func() {
		for _, f := range theirs {
			if f != nil {
				_ = f.Close() // that of a terminal is here three times
			}
		}
	}()
	if err != nil {
		p.abandon()
		return err
	}
	if err = p.bear(s, theirs[:]); err != nil {
		p.abandon()
		return err
	}
	if s.Started != nil {
		s.Started()
	}
	for i := range p.out {
		if p.out[i] == nil {
			p.observer.EOF(i + 1) // a terminal is one stream
			continue
		}
		p.readers.Add(1)
		go p.read(i)
	}
	go p.wait()
	return nil
}

// ends opens what the process reads and writes.
func (p *Process) ends(s *Spec) (theirs [3]*os.File, err error) {
	if s.Terminal != nil {
		ours, slave, err := openTerminal(*s.Terminal)
		if err != nil {
			return theirs, err
		}
		p.input, p.out[0] = newInput(ours, true), ours
		return [3]*os.File{slave, slave, slave}, nil
	}
	if theirs[0], err = p.stdin(s); err != nil {
		return theirs, err
	}
	for i := range p.out {
		if p.out[i], theirs[i+1], err = os.Pipe(); err != nil {
			return theirs, err
		}
	}
	return theirs, nil
}

func (p *Process) stdin(s *Spec) (*os.File, error) {
	if s.Stdin == nil && !s.Interactive {
		return os.Open(os.DevNull)
	}
	in, w, err := os.Pipe()
	switch {
	case err != nil:
	case s.Interactive:
		p.input = newInput(w, false)
	default:
		p.feed = feedFrom(s.Stdin, w)
	}
	return in, err
}

// abandon frees what a start that failed had opened.
func (p *Process) abandon() {
	p.stopFeeding()
	p.closePipes()
}

// Signal asks the whole group to end, or with SIGKILL ends it. Once Close was called
// it does nothing. Errors: os.ErrProcessDone, ErrNoSignal, or what the system says.
func (p *Process) Signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.os.Pid <= 1 {
		return os.ErrProcessDone
	}
	p.input.signalFront(p.os.Pid, sig)
	return p.signal(sig)
}

// SignalLeader asks the leader alone to end, where the system can: on Windows it is
// as Signal.
func (p *Process) SignalLeader(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.os.Pid <= 1 {
		return os.ErrProcessDone
	}
	return p.signalLeader(sig)
}

// Containment is how the members of this tree are found.
func (p *Process) Containment() Containment { return containment }
