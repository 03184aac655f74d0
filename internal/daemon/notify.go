package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Notifier tells the service manager that started us how we fare, where there is one that
// wants to know (sd_notify). The zero value tells nobody.
type Notifier struct {
	// Socket is where it listens, "" where nobody does.
	Socket string `json:"socket,omitempty"`
	// Watchdog is how often it wants to hear that we live; 0: never.
	Watchdog time.Duration `json:"watchdog,omitempty"`
}

// What a service manager can be told.
const (
	NotifyReady    = "READY=1"
	NotifyStopping = "STOPPING=1"
	NotifyAlive    = "WATCHDOG=1"
)

// notifyWait is how long a service manager may take to listen.
const notifyWait = time.Second

// TakeNotifier returns the notifier of the environment, and takes it out of that: what we
// start has nothing to tell.
func TakeNotifier() Notifier {
	n := Notifier{Socket: os.Getenv("NOTIFY_SOCKET")}
	micros, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	of := os.Getenv("WATCHDOG_PID")
	if err == nil && micros > 0 && micros < int64(24*time.Hour/time.Microsecond) && (of == "" || of == strconv.Itoa(os.Getpid())) {
		n.Watchdog = time.Duration(micros) * time.Microsecond / 2 // as it advises
	}
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		_ = os.Unsetenv(name) // it is well formed
	}
	return n
}

// Tell sends states.
func (n Notifier) Tell(ctx context.Context, states ...string) error {
	if n.Socket == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, notifyWait)
	defer cancel()
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unixgram", n.Socket)
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	err = c.SetWriteDeadline(time.Now().Add(notifyWait)) // one that does not listen has a queue that is full
	if err == nil {
		_, err = c.Write([]byte(strings.Join(states, "\n")))
	}
	return errors.Join(err, c.Close())
}

// firstInherited is the first descriptor that a service manager hands over.
const firstInherited = 3

// TakeListeners returns the listeners that a service manager has opened for us (socket
// activation), and takes them out of the environment. Errors: one of them is no
// listener of streams.
func TakeListeners() ([]net.Listener, error) {
	pid, count := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name) // as above
	}
	if pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > 16 {
		return nil, fmt.Errorf("LISTEN_FDS is %.20q: no number of sockets", count)
	}
	var all []net.Listener
	for fd := firstInherited; fd < firstInherited+n; fd++ {
		f := os.NewFile(uintptr(fd), "LISTEN_FD_"+strconv.Itoa(fd))
		l, err := net.FileListener(f)
		err = errors.Join(err, f.Close())
		if err != nil {
			for _, l := range all {
				err = errors.Join(err, l.Close())
			}
			return nil, fmt.Errorf("descriptor %d of the service manager: %w", fd, err)
		}
		all = append(all, l)
	}
	return all, nil
}

// Reloading is what a service manager is told before READY=1 when the configuration is
// read again: it wants to know when that began.
func Reloading() []string {
	return []string{"RELOADING=1", "MONOTONIC_USEC=" + strconv.FormatInt(monotonicMicros(), 10)}
}
