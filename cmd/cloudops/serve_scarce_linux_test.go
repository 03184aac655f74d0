package main_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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

// RES-02: what a full disk has no room for is not accepted and not run; when there is room
// again, the same daemon goes on, and what it had accepted is there.
func TestRES02_RefusesOnAFullDisk(t *testing.T) {
	t.Parallel()
	if os.Getenv("CLOUDOPS_TEST_ROOT") != "1" {
		t.Skip("needs root: CLOUDOPS_TEST_ROOT=1")
	}
	s := newStation(t)
	must(t, os.Mkdir(s.state(), 0o700))
	if err := syscall.Mount("tmpfs", s.state(), "tmpfs", 0, "size=4m,mode=700"); err != nil {
		t.Skip("cannot mount: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(s.state(), syscall.MNT_DETACH) })
	d := s.serve(1, "--socket", s.socket)
	c, err := client.New(d.addresses[0], client.Config{})
	must(t, err)
	ballast := filepath.Join(s.state(), "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 2<<20), 0o600))
	var kept []engine.ID
	for {
		marker := filepath.Join(s.dir, fmt.Sprint("ran", len(kept)))
		id, err := c.Execute(t.Context(), engine.Request{Command: engine.Exec("sh", "-c", `touch "$0"`, marker, strings.Repeat("x", 60_000))})
		if err == nil {
			_, err := c.Wait(t.Context(), id)
			must(t, err)
			kept = append(kept, id)
			continue
		}
		if !errors.Is(err, engine.ErrStore) || !strings.Contains(engine.Hint(err), "space") || !engine.Retryable(err) {
			t.Fatalf("want ErrStore and a hint, got %v, %q", err, engine.Hint(err))
		}
		if _, err := os.Stat(marker); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the refused one ran: %v", err)
		}
		break
	}
	must(t, os.Remove(ballast))
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Exec("echo", "again")})
	must(t, err)
	if r, err := c.Wait(t.Context(), id); err != nil || r.Stdout != "again\n" {
		t.Errorf("%v: it is %s, %q, %s", err, r.Status, r.Stdout, r.Error)
	}
	for _, id := range append(kept, id) {
		_, err := c.Get(t.Context(), id)
		must(t, err)
	}
	must(t, c.Shutdown(t.Context()))
	d.end(t)
}

// LIM-13: a request that says that it is too large is refused before it is read.
func TestLIM13_OversizedRequest(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	d := s.serve(1, "--socket", s.socket)
	c, err := client.New(d.addresses[0], client.Config{})
	must(t, err)
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Exec("true")})
	must(t, err)
	_, err = c.Wait(t.Context(), id)
	must(t, err)
	before := peakBytes(t, d.Process.Pid)
	transport := &http.Transport{ExpectContinueTimeout: time.Hour, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", s.socket)
	}}
	defer transport.CloseIdleConnections()
	const huge = 100 << 20
	body := io.LimitReader(endless{}, huge)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/cloudops.v1.ExecutionService/Execute", body)
	must(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Expect", "100-continue") // as curl does
	r.ContentLength = huge
	answer, err := transport.RoundTrip(r)
	must(t, err)
	text, err := io.ReadAll(answer.Body)
	must(t, errors.Join(err, answer.Body.Close()))
	if !strings.Contains(string(text), `"resource_exhausted"`) {
		t.Errorf("100 MiB are answered with %s: %s", answer.Status, text)
	}
	if grown := peakBytes(t, d.Process.Pid) - before; grown > 20<<20 {
		t.Errorf("it took %d MiB", grown>>20)
	}
	must(t, c.Shutdown(t.Context()))
	d.end(t)
}

// endless are as many letters as one reads.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// peakBytes is how much memory a process has had at most.
func peakBytes(t *testing.T, pid int) (bytes int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	for line := range strings.Lines(string(status)) {
		if n, err := fmt.Sscanf(line, "VmHWM: %d kB", &bytes); n == 1 && err == nil {
			return bytes << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
