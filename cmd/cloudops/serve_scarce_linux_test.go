package main_test

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
)

// RES-04: a hundred who connect and say nothing leave a daemon that may open few files what it
// needs: what runs is followed to its last byte, what is asked for is run, nothing is said about
// missing descriptors again and again, and who comes when the others have gone is served.
func TestRES04_ConnectionsLeaveDescriptors(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.prefix = "ulimit -n 96;"
	d := s.serve(1, "--socket", s.socket)
	c, err := client.New(d.addresses[0], client.Config{})
	must(t, err)
	gate := filepath.Join(s.dir, "gate")
	runs, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("mkfifo '" + gate + "'; echo here; read line < '" + gate + "'; echo there")})
	must(t, err)
	var seen []string
	for ev, err := range c.Watch(t.Context(), runs, 0) {
		must(t, err)
		if ev.Kind != engine.StdoutWritten {
			continue
		}
		if seen = append(seen, string(ev.Line)); len(seen) > 1 {
			continue
		}
		_, err := c.Stats(t.Context()) // over a connection beside this one, which is kept
		must(t, err)
		crowd(t, s.socket, 100)
		said, err := c.Execute(t.Context(), engine.Request{Command: engine.Exec("echo", "meanwhile")})
		must(t, err)
		if r, err := c.Wait(t.Context(), said); err != nil || r.Stdout != "meanwhile\n" {
			t.Errorf("meanwhile: %v, %q, %s", err, r.Stdout, r.Error)
		}
		open, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("echo > '" + gate + "'")})
		must(t, err)
		if r, err := c.Wait(t.Context(), open); err != nil || !r.Success {
			t.Errorf("the gate: %v, %s", err, r.Error)
		}
	}
	if strings.Join(seen, " ") != "here there" {
		t.Errorf("it was followed as %q", seen)
	}
	must(t, c.Shutdown(t.Context()))
	d.end(t)
	if text := d.stderr.String(); strings.Contains(text, "too many open files") {
		t.Errorf("it said:\n%s", text)
	}
}

// crowd connects so often, says nothing until the test ends, and returns when all were let in
// or turned away.
func crowd(t *testing.T, socket string, n int) {
	t.Helper()
	var last net.Conn
	for range n {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", socket)
		must(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		last = conn
	}
	if text, err := io.ReadAll(last); len(text) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("one too many was told %q, %v", text, err)
	}
}
