package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// stdin returns the descriptor that the process reads, and whether it is to be
// closed after the fork. A file is handed over as it is; of any other reader
// the bytes are copied into a pipe, which Write fills where that was asked for.
func (p *Process) stdin(s *Spec) (fd int, ours bool, err error) {
	if f, ok := s.Stdin.(*os.File); ok {
		return int(f.Fd()), false, nil
	}
	if s.Stdin == nil && !s.Interactive {
		return p.table.nullFD, false, nil
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return -1, false, os.NewSyscallError("pipe2", err)
	}
	if err := unix.SetNonblock(fds[1], true); err != nil {
		closeAll(fds[:]...)
		return -1, false, os.NewSyscallError("fcntl", err)
	}
	w := os.NewFile(uintptr(fds[1]), "stdin")
	if s.Interactive {
		p.input = newInput(w, false)
	} else {
		p.feed = feedFrom(s.Stdin, w)
	}
	return fds[0], true, nil
}
