//go:build !linux

package process

import (
	"errors"
	"fmt"
	"io"
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
	if o.Containment == InCgroup || o.Containment == InReaper {
		return nil, fmt.Errorf("%w: Linux has it", ErrNoContainment)
	}
	return &Table{}, nil
}

// ReaperMain is for Linux; here it does nothing.
func ReaperMain() {}

// Containment is how this table holds its trees.
func (t *Table) Containment() Containment { return InGroup }

// WhyNotStronger is nil: there is nothing stronger.
func (t *Table) WhyNotStronger() error { return nil }

// Close waits until every process is closed.
func (t *Table) Close() error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.living.Wait()
	return nil
}

// Process is one process that was started, and through its group the tree
// below it. It is safe for concurrent use.
type Process struct {
	table    *Table
	observer Observer
	os       *os.Process
	out      [2]*os.File
	feed     *feeder
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
	var theirs [3]*os.File
	defer func() {
		for _, f := range theirs {
			if f != nil {
				_ = f.Close()
			}
		}
	}()
	var err error
	if theirs[0], err = p.stdin(s.Stdin); err != nil {
		return err
	}
	for i := range p.out {
		if p.out[i], theirs[i+1], err = os.Pipe(); err != nil {
			p.abandon()
			return err
		}
	}
	for try := range 12 {
		p.os, err = os.StartProcess(s.Path, s.Args, &os.ProcAttr{
			Dir: s.Dir, Env: s.Env, Files: theirs[:], Sys: ownGroup(),
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
	p.readers.Add(len(p.out))
	for i := range p.out {
		go p.read(i)
	}
	go p.wait()
	return nil
}

func (p *Process) stdin(r io.Reader) (*os.File, error) {
	if r == nil {
		return os.Open(os.DevNull)
	}
	in, w, err := os.Pipe()
	if err == nil {
		p.feed = feedFrom(r, w)
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
	return signalGroup(p.os, sig)
}

// GiveUp ends the streams although somebody still holds their other end: each
// that was open gets its EOF.
func (p *Process) GiveUp() { p.closePipes() }

// Close frees what the process held; members of its group that live are not
// touched. Call it once, after Exited and both EOFs.
func (p *Process) Close() {
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
