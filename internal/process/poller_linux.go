package process

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// source is something the poller waits for.
type source interface {
	ready(events uint32)
}

// poller waits for many descriptors with one goroutine. Its epoll descriptor
// sits in the runtime's own poller, so that waiting holds neither a thread nor
// a P: a raw EpollWait would have to win back a P from the forks in flight.
//
// Registrations are edge triggered. A closed descriptor that a child between
// vfork and exec still holds can fire once more; the generation in the event
// tells it from its successor in the slot.
type poller struct {
	epoll int
	file  *os.File
	raw   syscall.RawConn
	done  chan struct{}
	// buffer is what the poller reads pipes into that are not busy.
	buffer *[readBytes]byte

	mu    sync.Mutex
	slots []*[slotBlock]slot // in blocks, so that growing copies nothing
	made  int32
	free  []int32
}

const slotBlock = 128

type slot struct {
	source     source
	generation int32
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	p := &poller{epoll: fd, file: file, raw: raw, done: make(chan struct{}), buffer: new([readBytes]byte)}
	go p.run()
	return p, nil
}

// close ends the poller's goroutine. Nothing may be registered any more.
func (p *poller) close() error {
	err := p.file.Close()
	<-p.done
	return err
}

func (p *poller) add(fd int, s source) (int32, error) {
	p.mu.Lock()
	var i int32
	if n := len(p.free); n > 0 {
		i = p.free[n-1]
		p.free = p.free[:n-1]
	} else {
		if i = p.made; i%slotBlock == 0 {
			p.slots = append(p.slots, new([slotBlock]slot))
		}
		p.made++
	}
	p.slot(i).source = s
	generation := p.slot(i).generation
	p.mu.Unlock()
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: i, Pad: generation}
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
		p.remove(i)
		return 0, os.NewSyscallError("epoll_ctl", err)
	}
	return i, nil
}

func (p *poller) slot(i int32) *slot { return &p.slots[i/slotBlock][i%slotBlock] }

// remove frees a slot. Closing the descriptor takes it out of the epoll set.
func (p *poller) remove(i int32) {
	p.mu.Lock()
	s := p.slot(i)
	s.source = nil
	s.generation++
	p.free = append(p.free, i)
	p.mu.Unlock()
}

func (p *poller) lookup(e *unix.EpollEvent) source {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Fd >= p.made || p.slot(e.Fd).generation != e.Pad {
		return nil
	}
	return p.slot(e.Fd).source
}

func (p *poller) run() {
	defer close(p.done)
	events := make([]unix.EpollEvent, 128)
	// It never says that it has read something: it would be called once more, only to
	// find nothing. An edge that comes while it looks is kept by the runtime.
	_ = p.raw.Read(func(fd uintptr) bool {
		for n := len(events); n == len(events); {
			n = p.serve(int(fd), events)
		}
		return false
	})
}

// serve tells the sources what has happened to them, and returns how many there were.
func (p *poller) serve(fd int, events []unix.EpollEvent) int {
	n, _ := eventsNow(fd, events) // what is wrong with it, closing would tell
	for i := range max(n, 0) {
		if s := p.lookup(&events[i]); s != nil {
			s.ready(events[i].Events)
		}
	}
	return n
}
