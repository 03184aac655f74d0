package process

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// stdin returns the descriptor that the process reads, and whether it is to be
// closed after the fork. A file is handed over as it is; of any other reader
// the bytes are copied into a pipe.
func (p *Process) stdin(r io.Reader) (fd int, ours bool, err error) {
	switch r := r.(type) {
	case nil:
		return p.table.nullFD, false, nil
	case *os.File:
		return int(r.Fd()), false, nil
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return -1, false, os.NewSyscallError("pipe2", err)
	}
	if err := unix.SetNonblock(fds[1], true); err != nil {
		closeAll(fds[:]...)
		return -1, false, os.NewSyscallError("fcntl", err)
	}
	p.feed = feedFrom(r, os.NewFile(uintptr(fds[1]), "stdin"))
	return fds[0], true, nil
}
