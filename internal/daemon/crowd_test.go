package daemon_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/daemon"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

func shut(c io.Closer) { _ = c.Close() } // it may be closed already

// Who is too many is turned away at once, and whoever comes after somebody left is not.
func TestSeats_AreBounded(t *testing.T) {
	t.Parallel()
	inner, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	l := daemon.Seats(inner, 1)
	defer shut(l)
	dial := func() net.Conn {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", inner.Addr().String())
		must(t, err)
		return c
	}
	first := dial()
	defer shut(first)
	inside, err := l.Accept()
	must(t, err)
	second := dial()
	defer shut(second)
	accepted := make(chan net.Conn, 1)
	group := lifecycle.New()
	defer group.Wait()
	group.Go(func(context.Context) { c, _ := l.Accept(); accepted <- c })
	if got := readAll(t, second); got != "" { // it ends, and nobody has accepted it
		t.Errorf("%q", got)
	}
	must(t, inside.Close())
	_ = inside.Close()
	third := dial()
	defer shut(third)
	c := <-accepted
	defer shut(c)
	if c.RemoteAddr().String() != third.LocalAddr().String() {
		t.Errorf("%s was let in, and not the third", c.RemoteAddr())
	}
}

// Who takes all that one address may have is refused more, is counted, and keeps nobody out.
func TestSeats_LeaveRoomForOtherAddresses(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("127.0.0.2 is an address of its own on Linux alone")
	}
	const most = 3
	n := network(t, daemon.Viewer, func(s *daemon.Settings) {
		s.MaxConnectionsPerAddress = most
		s.Socket = filepath.Join(shortDir(t), "s")
	})
	address := strings.TrimPrefix(n.at, "http://")
	dial := func(from string) net.Conn {
		c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext(t.Context(), "tcp", address)
		must(t, err)
		t.Cleanup(func() { shut(c) })
		return c
	}
	hello := func(c net.Conn) string {
		_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: "+address+"\r\n\r\n") // it may be closed
		line, _ := bufio.NewReader(c).ReadString('\n')
		return line
	}
	var inside []net.Conn
	for range most {
		c := dial("127.0.0.1")
		if got := hello(c); got != "HTTP/1.1 200 OK\r\n" {
			t.Fatalf("%q", got)
		}
		inside = append(inside, c)
	}
	if got := hello(dial("127.0.0.1")); got != "" {
		t.Errorf("one too many is told %q", got)
	}
	if got := hello(dial("127.0.0.2")); got != "HTTP/1.1 200 OK\r\n" {
		t.Errorf("another address is told %q", got)
	}
	socket := n.Addresses()[0]
	until(t, socket, 1, "cloudops_connections_refused_total", "bound=max_connections_per_address")
	if families := scrape(t, socket); value(families, "cloudops_connections") < most+1 || value(families, "cloudops_connections_refused_total", "bound=max_connections") != 0 {
		t.Errorf("%v, %v", families["cloudops_connections"], families["cloudops_connections_refused_total"])
	}
	must(t, inside[0].Close())
	for got := ""; got != "HTTP/1.1 200 OK\r\n"; got = hello(dial("127.0.0.1")) { // as soon as the daemon has seen it
		must(t, t.Context().Err())
	}
}

func TestNeighbours_AreOneMachine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "::ffff:192.0.2.7": "192.0.2.7/32", "2001:db8::1": "2001:db8::/64", "2001:db8::2:0:0:0:1": "2001:db8:0:2::/64", "::1": "::/64",
	} {
		if got := daemon.Neighbours(&net.TCPAddr{IP: net.ParseIP(text), Zone: "eth0"}); got != want {
			t.Errorf("%s is of %s, want %s", text, got, want)
		}
	}
	if got := daemon.Neighbours(&net.UnixAddr{Name: "x"}); got != "invalid Prefix" {
		t.Errorf("a socket is of %s", got)
	}
}

// Nobody exceeds a rate, nobody suffers for another's, and the names do not pile up.
func TestRates_AreEachNamesOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r daemon.Rates
		count := func(name string) (n int) {
			for range 100 {
				if r.Allow(name, 5) {
					n++
				}
			}
			return n
		}
		if n := count("a"); n != 10 {
			t.Errorf("%d at once, want 10", n)
		}
		if n := count("b"); n != 10 {
			t.Errorf("%d of another, want 10", n)
		}
		<-time.After(time.Second)
		if n := count("a"); n != 5 {
			t.Errorf("%d a second later, want 5", n)
		}
		for i := range 10_000 {
			r.Allow(fmt.Sprint(i), 5)
		}
		if n := r.Names(); n > 4096 {
			t.Errorf("%d names are kept", n)
		}
	})
}

func TestTurnstile_TellsWhenTheLastHasLeft(t *testing.T) {
	t.Parallel()
	s := daemon.NewTurnstile(2)
	for i, want := range []bool{true, true, false} {
		if got := s.Enter(); got != want {
			t.Errorf("number %d is let in: %t", i+1, got)
		}
	}
	empty := s.Shut()
	s.Leave()
	select {
	case <-empty:
		t.Error("somebody is still inside")
	default:
	}
	s.Leave()
	<-empty
	<-s.Shut()
	if s.Enter() {
		t.Error("it is closed, and lets in")
	}
}
