package daemon

import (
	"errors"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// dropsVanished has the connections of a listener end when nobody has taken what was sent
// for so long. Else the system tries for a quarter of an hour.
func dropsVanished(l *net.TCPListener, after time.Duration) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	controlled := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(after/time.Millisecond))
	})
	if errors.Is(err, unix.ENOPROTOOPT) {
		err = nil // of another kind, from a service manager
	}
	return errors.Join(controlled, err)
}
