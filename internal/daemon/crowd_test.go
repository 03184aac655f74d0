package daemon_test

import (
	"context"
	"fmt"
	"io"
	"net"
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
