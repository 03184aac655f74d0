package daemon

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// private gives a socket the mode that its file is made with: on Linux that is its own.
func private(_, _ string, c syscall.RawConn) error {
	var err error
	controlled := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) })
	return errors.Join(controlled, err)
}

// peerUID is the user who is at the other end of a socket.
func peerUID(c syscall.RawConn) (uid int, err error) {
	var cred *unix.Ucred
	controlled := c.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err := errors.Join(controlled, err); err != nil {
		return -1, err
	}
	return int(cred.Uid), nil
}
