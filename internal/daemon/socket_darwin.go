package daemon

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// private: here a socket has no mode before it has a path. The folder keeps others out.
func private(string, string, syscall.RawConn) error { return nil }

// peerUID is the user who is at the other end of a socket.
func peerUID(c syscall.RawConn) (uid int, err error) {
	var cred *unix.Xucred
	controlled := c.Control(func(fd uintptr) { cred, err = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED) })
	if err := errors.Join(controlled, err); err != nil {
		return -1, err
	}
	return int(cred.Uid), nil
}
