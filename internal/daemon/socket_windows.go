package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// socket is not there: Windows does not say who is at the other end of one.
type socket struct {
	*net.UnixListener

	path string
}

func listenSocket(context.Context, string) (*socket, error) {
	return nil, advise(fmt.Errorf("listen at a socket: %w on Windows", errors.ErrUnsupported), "--listen 127.0.0.1:PORT listens with tokens")
}

func peerUID(syscall.RawConn) (uid int, err error) { return -1, errors.ErrUnsupported }
