package process

import (
	"errors"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// readBytes is the size of one read: what a pipe holds by default.
const readBytes = 64 << 10

// A pipe is busy when it was drained by so many reads in a row.
const (
	busyReads     = 4
	busyPipeBytes = 1 << 20
)

// pipe is our end of one output stream. Whoever reads owns it: the poller, or
// the goroutine that a busy pipe borrowed. Only the owner closes it.
type pipe struct {
	process *Process
	stream  int
	fd      int
	slot    int32
	// terminal says that this is a pseudo-terminal: a read shorter than the buffer
	// does not prove it empty, and its end is EIO.
	terminal bool

	state   atomic.Int32
	hungUp  atomic.Bool // the last writer has gone: read on to the end
	abandon atomic.Bool
	large   bool // for its owner
}

// States of a pipe.
const (
	idle    int32 = iota
	owned         // somebody reads
	poked         // somebody reads, and more arrived meanwhile
	drained       // closed
)

// ready is called by the poller when there is something to read, or no writer.
func (p *pipe) ready(events uint32) {
	if events&unix.EPOLLHUP != 0 {
		p.hungUp.Store(true)
	}
	if !p.own() {
		return
	}
	if p.process.blocking {
		go p.drain()
		return
	}
	if events&(unix.EPOLLHUP|unix.EPOLLIN) == unix.EPOLLHUP && !p.terminal {
		p.close() // nothing is left to read
		return
	}
	p.take(p.process.table.poller.buffer)
}

// take reads once, or to the end where that is near, and leaves a busy pipe to a
// goroutine: the caller must not be kept.
func (p *pipe) take(buffer *[readBytes]byte) {
	more := p.read(buffer[:], readNow)
	if more && (p.hungUp.Load() || p.terminal) {
		more = p.read(buffer[:], readNow) // the end, unless a full pipe was left behind
	}
	if more {
		go p.drain()
	}
}

// own takes the pipe, or leaves word with its owner.
func (p *pipe) own() bool {
	for {
		switch p.state.Load() {
		case idle:
			if p.state.CompareAndSwap(idle, owned) {
				return true
			}
		case owned:
			if p.state.CompareAndSwap(owned, poked) {
				return false
			}
		default:
			return false
		}
	}
}

// release gives the pipe back, unless word was left: then the owner goes on.
func (p *pipe) release() (released bool) {
	if p.state.CompareAndSwap(owned, idle) {
		return true
	}
	p.state.Store(owned)
	return false
}

// catchUp reads what came before the start was through.
func (p *pipe) catchUp() {
	if p.process.blocking {
		go p.drain()
		return
	}
	pool := &p.process.table.buffers
	buffer, _ := pool.Get().(*[readBytes]byte)
	p.take(buffer)
	pool.Put(buffer)
}

// drain reads until the pipe has nothing more.
func (p *pipe) drain() {
	pool := &p.process.table.buffers
	buffer, _ := pool.Get().(*[readBytes]byte)
	defer pool.Put(buffer)
	for reads := 0; p.read(buffer[:], unix.Read); reads++ {
		if reads == busyReads {
			p.enlarge()
		}
	}
}

// enlarge gives a busy pipe more room, so that its writer goes on while we look at
// what it wrote. Without the right to it, or beyond what a user may have, the pipe
// stays as it is.
func (p *pipe) enlarge() {
	if !p.large {
		p.large = true
		_, _ = unix.FcntlInt(uintptr(p.fd), unix.F_SETPIPE_SZ, busyPipeBytes)
	}
}

// read reads once and reports whether the caller still owns the pipe and
// should read on. A read shorter than the buffer emptied the pipe, so that the
// next byte, or the last writer's leaving, is a new edge for the poller; where
// that edge has come already, the end is there to be read.
func (p *pipe) read(buffer []byte, read func(int, []byte) (int, error)) (more bool) {
	if p.abandon.Load() {
		p.rest(buffer)
		p.close()
		return false
	}
	n, err := read(p.fd, buffer)
	switch {
	case n > 0:
		p.process.observer.Output(p.stream, buffer[:n])
		return n == len(buffer) || p.terminal || p.hungUp.Load() || !p.release()
	case n == 0 && err == nil:
		p.close()
		return false
	case errors.Is(err, unix.EAGAIN):
		return !p.release()
	case errors.Is(err, unix.EINTR):
		return true
	default:
		p.close()
		return false
	}
}

// close is for the owner alone.
func (p *pipe) close() {
	p.state.Store(drained)
	p.process.table.poller.remove(p.slot)
	closeNow(p.fd)
	p.process.observer.EOF(p.stream)
}

// giveUp ends the stream although somebody still holds its other end, and reports
// whether somebody may.
func (p *pipe) giveUp() (held bool) {
	p.abandon.Store(true)
	if !p.own() {
		return p.state.Load() != drained
	}
	pool := &p.process.table.buffers
	buffer, _ := pool.Get().(*[readBytes]byte)
	held = p.rest(buffer[:])
	pool.Put(buffer)
	p.close()
	return held
}

// rest reads what is in a pipe that is given up, and reports whether its end is not there:
// on a busy machine it may be that nobody holds it, and only that nobody came to read it.
// It is no more than a pipe can have: who does hold it may write for ever. A tee that
// hangs is not asked to take it.
func (p *pipe) rest(buffer []byte) (held bool) {
	for taken := 0; taken < busyPipeBytes && !p.process.blocking; {
		n, err := unix.Read(p.fd, buffer)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n <= 0 || err != nil {
			return errors.Is(err, unix.EAGAIN)
		}
		p.process.observer.Output(p.stream, buffer[:n])
		taken += n
	}
	return true
}
