//go:build !linux

package process

import (
	"os"
	"sync"
	"syscall"
)

// Process is one process that was started, and through its group or job the tree
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
	tree   tree // what the system has to find its members
	exited bool
	closed bool
}

// Pid returns the process id, which is that of its group too.
func (p *Process) Pid() int { return p.os.Pid }

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
	p.observer.Exited(p.exitState(state))
}

// GiveUp ends the streams although somebody still holds their other end: each
// that was open gets its EOF. It reports whether somebody may hold one.
func (p *Process) GiveUp() (held bool) {
	p.closePipes()
	return true
}

func (p *Process) closePipes() {
	for _, f := range p.out {
		if f != nil {
			_ = f.Close()
		}
	}
}

// Close kills what is left of the tree and releases the process.
func (p *Process) Close() {
	_ = p.Signal(syscall.SIGKILL)
	p.Release()
}

// Release frees what the process held; members of its tree that live are not
// touched. Call it or Close once, after Exited and both EOFs.
func (p *Process) Release() {
	p.stopFeeding()
	p.mu.Lock()
	p.closed = true
	exited := p.exited
	p.letGo()
	p.mu.Unlock()
	p.closePipes()
	if exited {
		p.table.living.Done()
	}
}
