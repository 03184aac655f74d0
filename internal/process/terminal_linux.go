package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// ends are the descriptors of a process that is about to start.
type ends struct {
	in    int    // what it reads
	out   [4]int // where stdout is read and written, and stderr; -1: nowhere
	close bool   // in is to be closed when the process has it
}

// closeTheirs closes what the process has now. A terminal is one descriptor.
func (e *ends) closeTheirs() {
	closeAll(e.out[1])
	if e.out[3] != e.out[1] {
		closeAll(e.out[3])
	}
	if e.close {
		closeAll(e.in)
	}
}

// ends opens what the process reads and writes.
func (p *Process) ends(s *Spec) (ends, error) {
	if s.Terminal != nil {
		return p.terminalEnds(*s.Terminal)
	}
	out, err := pipes()
	if err != nil {
		return ends{}, err
	}
	in, ours, err := p.stdin(s)
	if err != nil {
		closeAll(out[:]...)
		return ends{}, err
	}
	return ends{in: in, out: out, close: ours}, nil
}

// terminalEnds opens a terminal. What is read of it is one stream.
func (p *Process) terminalEnds(s Size) (e ends, err error) {
	ours, theirs, err := openTerminal(s)
	if err != nil {
		return e, err
	}
	defer func() { _ = theirs.Close() }()
	slave, err := duplicate(theirs)
	if err != nil {
		_ = ours.Close()
		return e, err
	}
	raw, err := rawDuplicate(ours)
	if err != nil {
		_ = ours.Close()
		closeAll(slave)
		return e, err
	}
	p.input = newInput(ours, true)
	return ends{in: slave, out: [4]int{raw, slave, -1, slave}}, nil
}

// duplicate is another descriptor of a file that blocks.
func duplicate(f *os.File) (int, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	return fd, os.NewSyscallError("fcntl", err)
}

// rawDuplicate is another descriptor of a file that does not block, and goes on
// not to: Fd would make it.
func rawDuplicate(f *os.File) (fd int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	var failed error
	err = raw.Control(func(from uintptr) { fd, failed = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0) })
	if err == nil {
		err = os.NewSyscallError("fcntl", failed)
	}
	return fd, err
}
