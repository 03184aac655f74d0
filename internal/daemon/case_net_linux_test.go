package daemon_test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// elsewhere runs f on a thread in a network of its own. What f opens is in there for good.
// It returns what turns that network on and off: while it is off, packets get lost.
func elsewhere(t *testing.T, f func()) (link func(up bool)) {
	t.Helper()
	done := make(chan struct{})
	spawn(t, func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with its goroutine
		must(t, unix.Unshare(unix.CLONE_NEWNET))
		control, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		must(t, err)
		t.Cleanup(func() { _ = unix.Close(control) })
		link = func(up bool) {
			loopback, err := unix.NewIfreq("lo")
			must(t, err)
			if up {
				loopback.SetUint16(unix.IFF_UP)
			}
			must(t, unix.IoctlIfreq(control, unix.SIOCSIFFLAGS, loopback))
		}
		link(true)
		f()
	})
	<-done
	if t.Failed() { // there, which has ended that goroutine alone
		t.FailNow()
	}
	return link
}

// RPC-13: of clients whose packets get lost the daemon is rid when they have been silent for
// as long as a connection may be, which takes most of a minute.
func TestRPC13_PacketsGetLost(t *testing.T) {
	t.Parallel()
	if os.Getenv("CLOUDOPS_TEST_ROOT") != "1" || os.Geteuid() != 0 {
		t.Skip("needs root, to have a network of its own, and CLOUDOPS_TEST_ROOT=1")
	}
	var n *listening
	var id engine.ID
	var socket string
	link := elsewhere(t, func() {
		n = network(t, daemon.Operator, func(s *daemon.Settings) { s.Socket = shortDir(t) + "/s" })
		socket = n.Addresses()[0]
		var err error
		id, err = caller(t, socket, "").Execute(t.Context(), engine.Request{Command: engine.Shell("echo one; while read x; do echo two; done"), Interactive: true})
		must(t, err)
		for range 50 {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(n.at, "http://"))
			must(t, err)
			t.Cleanup(func() { _ = conn.Close() })
			_, err = fmt.Fprintf(conn, "GET /v1/executions/%s/logs?follow=1&format=sse HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", id, conn.RemoteAddr(), n.secret)
			must(t, err)
			_, err = conn.Read(make([]byte, 100))
			must(t, err)
		}
	})
	c := caller(t, socket, "")
	if got := n.Inside(); got < 50 {
		t.Fatalf("%d streams are open, want 50", got)
	}
	link(false)
	_, err := c.WriteStdin(t.Context(), id, []byte("more\n")) // which they are sent, and never get
	must(t, err)
	for deadline := time.Now().Add(5 * time.Minute); n.Inside() > 0; <-time.After(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d streams are still open", n.Inside())
		}
	}
	x, err := c.Get(t.Context(), id)
	if must(t, err); x.Status != engine.Running {
		t.Errorf("what ran is %s", x.Status)
	}
	must(t, c.Cancel(t.Context(), id, engine.Cancellation{Force: true}))
}
