package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"

	"connectrpc.com/connect"
)

type peerKey struct{}

// peer is who is at the other end of a socket.
type peer struct {
	uid     int // -1: nobody
	account string
}

// withPeer puts the user at the other end of a socket into the context of a connection.
func withPeer(accounts *accounts) func(context.Context, net.Conn) context.Context {
	return func(ctx context.Context, c net.Conn) context.Context {
		who := peer{uid: -1}
		if uid, err := userOf(c); err == nil {
			who = peer{uid, accounts.name(uid)}
		}
		return context.WithValue(ctx, peerKey{}, who)
	}
}

// accountOf is the name of the user at the other end of a socket.
func accountOf(ctx context.Context) string {
	who, _ := ctx.Value(peerKey{}).(peer)
	return who.account
}

// accounts are the names of those who may come by a socket: our own, and root. They are
// looked up once, because that may ask a server somewhere.
type accounts struct{ own, root string }

func newAccounts() *accounts { return &accounts{lookUp(os.Geteuid()), lookUp(0)} }

func (a *accounts) name(uid int) string {
	switch uid {
	case os.Geteuid():
		return a.own
	case 0:
		return a.root
	}
	return "" // who is not let in
}

// lookUp is the name of a user, else the number.
func lookUp(uid int) string {
	number := strconv.Itoa(uid)
	if u, err := user.LookupId(number); err == nil {
		return u.Username
	}
	return number
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
	who, ok := ctx.Value(peerKey{}).(peer)
	if ok && (who.uid == os.Geteuid() || who.uid == 0) {
		return nil
	}
	return refuse(http.StatusForbidden, connect.CodePermissionDenied, fmt.Sprintf("user %d may not use the daemon of user %d", who.uid, os.Geteuid()),
		"others come by --listen, with a token")
}
