package daemon_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// pipes is a network without a system, for a daemon in a bubble where an hour passes in no
// time. What nobody reads nobody has room for.
type pipes struct {
	*daemon.Daemon

	secret   string
	accepted chan net.Conn
	closed   chan struct{}
	t        *testing.T
}

// inPipes is a daemon that plays scripts, in a bubble.
func inPipes(t *testing.T, scripts enginetest.Scripts, adjust ...func(*daemon.Settings)) *pipes {
	t.Helper()
	dir := shortDir(t)
	p := &pipes{secret: token(t, dir, daemon.Operator), accepted: make(chan net.Conn), closed: make(chan struct{}), t: t}
	c := daemon.Config{Ephemeral: true, StateDir: dir, Engine: engine.Config{Runner: &enginetest.Runner{Scripts: scripts}}}
	for _, f := range adjust {
		f(&c.Settings)
	}
	var err error
	p.Daemon, err = daemon.Open(t.Context(), c, opening(p))
	must(t, err)
	return p
}

// end ends the daemon, and what it runs. A bubble has to be empty then.
func (p *pipes) end() {
	ctx, cancel := context.WithCancel(p.t.Context())
	cancel()
	_ = p.Shutdown(ctx) // it ended what ran, and says so
}

// Accept waits for somebody.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close closes it.
func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

// Addr is that of a port that nobody has.
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7443} }

// dial is a connection, on which something was said.
func (p *pipes) dial(says string) net.Conn {
	here, there := net.Pipe()
	select {
	case p.accepted <- there:
	case <-p.closed:
		p.t.Fatal("it is closed")
	}
	_ = here.SetDeadline(time.Now().Add(time.Hour)) // who talks to somebody who does not hear
	if _, err := io.WriteString(here, says); err != nil {
		p.t.Error(err)
	}
	return here
}

// asks is a request as it stands on the wire.
func (p *pipes) asks(method, path, body string) string {
	var b strings.Builder
	r, err := http.NewRequestWithContext(p.t.Context(), method, "http://127.0.0.1:7443"+path, strings.NewReader(body))
	must(p.t, err)
	r.Header.Set("Authorization", "Bearer "+p.secret)
	r.Header.Set("Content-Type", "application/json")
	must(p.t, r.Write(&b))
	return b.String()
}

// ask makes a request, and returns what comes.
func (p *pipes) ask(method, path, body string) (status int, answer string) {
	c := p.dial(p.asks(method, path, body))
	defer shut(c)
	a, err := http.ReadResponse(bufio.NewReader(c), nil)
	must(p.t, err)
	defer shut(a.Body)
	return a.StatusCode, readAll(p.t, a.Body)
}

// serves wants others to be served.
func (p *pipes) serves() {
	p.t.Helper()
	if status, answer := p.ask(http.MethodPost, verbs+"Stats", "{}"); status != http.StatusOK || !bytes.Contains([]byte(answer), []byte("stats")) {
		p.t.Errorf("and others get %d %s", status, answer)
	}
}

// one dials a connection that is there, once.
func one(c net.Conn, dials *int) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		if *dials++; *dials > 1 {
			return nil, net.ErrClosed
		}
		return c, nil
	}
}
