//go:build unix

package process

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// Terminals says whether this system has pseudo-terminals.
const Terminals = true

// openTerminal opens a pseudo-terminal: our end, which does not block, and the end
// of the process, which does.
func openTerminal(s Size) (ours, theirs *os.File, err error) {
	master, theirs, err := pty.Open()
	switch {
	case errors.Is(err, syscall.ENOSPC): // all of the system's are in use
		return nil, nil, fmt.Errorf("%w: open a terminal: %w", ErrBusy, err)
	case err != nil:
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	defer func() { _ = master.Close() }()
	ours, err = nonBlocking(master)
	if err == nil {
		err = setSize(ours, s)
	}
	if err != nil {
		if ours != nil {
			_ = ours.Close()
		}
		_ = theirs.Close()
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	return ours, theirs, nil
}

// nonBlocking is the same open file under a descriptor that the runtime's poller
// waits for: a deadline or Close ends a read or write that waits. The one that
// pty.Open gives was made to block.
func nonBlocking(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// setSize sets the size of a terminal. The kernel tells who runs on it by WINCH.
func setSize(terminal *os.File, s Size) error {
	raw, err := terminal.SyscallConn()
	if err != nil {
		return err
	}
	size := unix.Winsize{Row: s.Rows, Col: s.Cols}
	var failed error
	if raw.Control(func(fd uintptr) { failed = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &size) }) != nil {
		return os.ErrClosed
	}
	return os.NewSyscallError("ioctl", failed)
}

// signalFront signals the group in front of the terminal, where a shell has put
// another than its own: as the terminal does itself with Ctrl-C, or when its window is
// closed. Its number may be of a group that is gone, and somebody else's now; so it is
// signalled only where its leader lives and belongs to the session.
func (in *input) signalFront(session int, sig syscall.Signal) {
	if in == nil || !in.terminal {
		return
	}
	raw, err := in.file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { // closed: there is nobody
		group, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)
		if err != nil || group <= 1 || group == session {
			return
		}
		if sid, err := unix.Getsid(group); err == nil && sid == session {
			_ = unix.Kill(-group, sig)
		}
	})
}
