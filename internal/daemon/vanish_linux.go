package daemon

import (
	"errors"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// dropsVanished has the connections of a listener end when nobody has taken what was sent
// for so long. Else the system tries for a quarter of an hour.
func dropsVanished(l net.Listener) error {
	listener, ok := l.(*net.TCPListener)
	if !ok {
		return nil // who is on the same machine does not vanish
	}
	raw, err := listener.SyscallConn()
	if err != nil {
		return err
	}
	controlled := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(goneAfter/time.Millisecond))
	})
	if errors.Is(err, unix.ENOPROTOOPT) {
		err = nil // of another kind, from a service manager
	}
	return errors.Join(controlled, err)
}
