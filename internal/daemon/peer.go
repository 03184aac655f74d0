package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"

	"connectrpc.com/connect"
)

type peerKey struct{}

// withPeer puts the user at the other end of a socket into the context of a connection.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	uid, err := userOf(c)
	if err != nil {
		uid = -1 // which is nobody
	}
	return context.WithValue(ctx, peerKey{}, uid)
}

func userOf(c net.Conn) (int, error) {
	raw, err := unixConn(c)
	if err != nil {
		return -1, err // of a network
	}
	control, err := raw.SyscallConn()
	if err != nil {
		return -1, err
	}
	return peerUID(control)
}

// unixConn is the socket below a connection.
func unixConn(c net.Conn) (*net.UnixConn, error) {
	if s, ok := c.(*seat); ok {
		c = s.Conn
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return u, nil
}

// ownUser refuses other users, whatever the modes of the socket and its folder are. On
// Windows users have no number, so that all are alike here, and who may use the pipe is said
// by its list alone.
func ownUser(ctx context.Context) error {
	uid, ok := ctx.Value(peerKey{}).(int)
	if ok && (uid == os.Geteuid() || uid == 0) {
		return nil
	}
	return refuse(http.StatusForbidden, connect.CodePermissionDenied, fmt.Sprintf("user %d may not use the daemon of user %d", uid, os.Geteuid()))
}
