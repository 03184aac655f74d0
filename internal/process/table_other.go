//go:build !linux

package process

import (
	"errors"
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
	if o.Containment == InCgroup {
		return nil, fmt.Errorf("%w: there are no cgroups", ErrNoContainment)
	}
	return &Table{}, nil
}

// Containment is how this table holds its trees.
func (t *Table) Containment() Containment { return InGroup }

// Close waits until every process is closed.
func (t *Table) Close() error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.living.Wait()
	return nil
}

// WhyNotStronger says that there are no cgroups.
func (t *Table) WhyNotStronger() error { return errors.New("this system has no cgroups") }

// Process is one process that was started, and through its group the tree
// below it. It is safe for concurrent use.
type Process struct {
	table    *Table
	observer Observer
	os       *os.Process
	out      [2]*os.File
	feed     *feeder
	input    *input // nil where stdin is not written to by Write
	readers  sync.WaitGroup

	mu     sync.Mutex
	exited bool
	closed bool
}

// Start starts a process and returns once it runs. The observer may be called
// before Start returns. Errors: [ErrBusy], or what the system says of the path,
// the directory or the arguments.
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
	for try := range 12 {
		p.os, err = os.StartProcess(s.Path, s.Args, &os.ProcAttr{
			Dir: s.Dir, Env: s.environment(), Files: theirs[:], Sys: ownGroup(s.Terminal != nil),
		})
		if !errors.Is(err, textBusy) {
			break
		}
		pause(try)
	}
	if err != nil {
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

func (p *Process) closePipes() {
	for _, f := range p.out {
		if f != nil {
			_ = f.Close()
		}
	}
}

func (p *Process) read(i int) {
	defer p.readers.Done()
	buffer := make([]byte, 64<<10)
	for {
		n, err := p.out[i].Read(buffer)
		if n > 0 {
			p.observer.Output(i+1, buffer[:n])
		}
		if err != nil {
			p.observer.EOF(i + 1)
			return
		}
	}
}

func (p *Process) wait() {
	state, err := p.os.Wait()
	p.mu.Lock()
	p.exited = true
	closed := p.closed
	p.mu.Unlock()
	if closed {
		p.table.living.Done()
		return
	}
	if err != nil {
		p.observer.Exited(State{Code: -1})
		return
	}
	p.observer.Exited(exitState(state))
}

// Pid returns the process id, which is that of its group too.
func (p *Process) Pid() int { return p.os.Pid }

// Signal sends a signal to the whole group. Once Close was called it does
// nothing.
func (p *Process) Signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.os.Pid <= 1 {
		return os.ErrProcessDone
	}
	p.input.signalFront(p.os.Pid, sig)
	return signalGroup(p.os, sig)
}

// SignalLeader sends a signal to the leader alone.
func (p *Process) SignalLeader(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return os.ErrProcessDone
	}
	return signalOne(p.os, sig)
}

// GiveUp ends the streams although somebody still holds their other end: each
// that was open gets its EOF.
func (p *Process) GiveUp() { p.closePipes() }

// Close kills what is left of the group and releases the process.
func (p *Process) Close() {
	_ = p.Signal(syscall.SIGKILL)
	p.Release()
}

// Release frees what the process held; members of its group that live are not
// touched. Call it or Close once, after Exited and both EOFs.
func (p *Process) Release() {
	p.stopFeeding()
	p.mu.Lock()
	p.closed = true
	exited := p.exited
	p.mu.Unlock()
	p.closePipes()
	if exited {
		p.table.living.Done()
	}
}

// Containment is how the members of this tree are found.
func (p *Process) Containment() Containment { return InGroup }

// Left says no: it is not known.
func (p *Process) Left() bool { return false }

// Rest finds nothing here: the environment of others cannot be read.
func (p *Process) Rest() []Stray { return nil }

// SignalRest finds nobody here.
func (p *Process) SignalRest(syscall.Signal) {}

// EndRest finds nothing here.
func (p *Process) EndRest() (ended int, left []Stray) { return 0, nil }
