//go:build unix

package daemon_test

import (
	"bufio"
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
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// passing is an ephemeral daemon at a socket, and a client of it.
func passing(t *testing.T, e engine.Config) (*daemon.Daemon, *client.Client) {
	t.Helper()
	dir := shortDir(t)
	d := open(t, daemon.Config{Engine: e, Ephemeral: true, StateDir: dir, Settings: daemon.Settings{Socket: filepath.Join(dir, "s")}})
	c, err := client.New(d.Addresses()[0], client.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, c.Shutdown(t.Context())) })
	return d, c
}

// SHUT-05: who is being answered when a daemon ends is told so, in an answer that ends as it
// should, before the socket goes, and its lock.
func TestSHUT05_WhoIsAnsweredIsTold(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	path := filepath.Join(dir, "s")
	d, err := daemon.Open(t.Context(), daemon.Config{StateDir: filepath.Join(dir, "state"), Settings: daemon.Settings{Socket: path}}, opening())
	must(t, err)
	c, err := client.New(d.Addresses()[0], client.Config{})
	must(t, err)
	defer c.Shutdown(t.Context()) //nolint:errcheck // it returns nil
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("echo here; exec sleep 600")})
	must(t, err)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/v1/executions/"+id.String()+"/logs?follow=1&format=ndjson", http.NoBody)
	must(t, err)
	response, err := transport.RoundTrip(r)
	must(t, err)
	answer := bufio.NewReader(response.Body)
	for line := ""; !strings.Contains(line, `"here"`); {
		line, err = answer.ReadString('\n')
		must(t, err)
	}
	must(t, d.Shutdown(t.Context()))
	rest, err := io.ReadAll(answer)
	must(t, err)
	must(t, response.Body.Close())
	if !strings.HasSuffix(string(rest), "}\n") || !strings.Contains(string(rest), `{"error":{"code":"closed"`) {
		t.Errorf("it was told %q", rest)
	}
	for _, gone := range []string{path, path + ".lock"} {
		if _, err := os.Lstat(gone); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", gone, err)
		}
	}
	next := open(t, daemon.Config{StateDir: filepath.Join(dir, "state"), Settings: daemon.Settings{Socket: path}})
	if r := next.Report(); r.Running != 1 {
		t.Errorf("the next found %+v", r)
	}
	must(t, c.Cancel(t.Context(), id, engine.Cancellation{Force: true}))
}

// LIM-11: what goes beyond the queue is refused and leaves nothing.
func TestLIM11_TheQueueIsBounded(t *testing.T) {
	t.Parallel()
	_, c := passing(t, engine.Config{MaxConcurrent: 1, MaxQueued: 10})
	refused := 0
	for range 30 {
		_, err := c.Execute(t.Context(), engine.Request{Command: engine.Exec("sleep", "600")})
		if errors.Is(err, engine.ErrQueueFull) {
			refused++
		} else {
			must(t, err)
		}
	}
	s, err := c.Stats(t.Context())
	must(t, err)
	p, err := c.List(t.Context(), engine.Filter{})
	must(t, err)
	if refused == 0 || s.Queued > 10 || len(p.Executions)+refused != 30 {
		t.Errorf("%d were refused, %d wait, %d are listed", refused, s.Queued, len(p.Executions))
	}
	for _, x := range p.Executions {
		must(t, c.Cancel(t.Context(), x.ID, engine.Cancellation{Force: true}))
	}
}

// RACE-04: to cancel what has ended is an error of its own, and so is to cancel what never was.
func TestRACE04_CancelAfterTheEnd(t *testing.T) {
	t.Parallel()
	_, c := passing(t, engine.Config{})
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Exec("true")})
	must(t, err)
	before, err := c.Wait(t.Context(), id)
	must(t, err)
	if err := c.Cancel(t.Context(), id, engine.Cancellation{}); !errors.Is(err, engine.ErrFinished) {
		t.Errorf("after the end: %v", err)
	}
	if err := c.Cancel(t.Context(), engine.ID{1}, engine.Cancellation{}); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("of what never was: %v", err)
	}
	if after, err := c.Result(t.Context(), id); err != nil || after.Status != before.Status || after.CompletedAt != before.CompletedAt {
		t.Errorf("it became %+v, %v", after, err)
	}
}

// RACE-08: a hundred clients that ask for the same at once get the same, and it runs once. The
// id with another request is a conflict.
func TestRACE08_TheSameIDAtOnce(t *testing.T) {
	t.Parallel()
	d, c := passing(t, engine.Config{})
	path := filepath.Join(t.TempDir(), "ran")
	want, err := engine.ParseID("01a20872-167f-7695-8740-38c3e13f16eb")
	must(t, err)
	r := engine.Request{ID: want, Command: engine.Shell("echo x >>" + path)}
	manyTimes(t, 100, func(ctx context.Context) error {
		each, err := client.New(d.Addresses()[0], client.Config{})
		if err != nil {
			return err
		}
		defer each.Shutdown(ctx) //nolint:errcheck // it returns nil
		id, err := each.Execute(ctx, r)
		if err == nil && id != want {
			err = fmt.Errorf("got %s", id)
		}
		return err
	})
	_, err = c.Wait(t.Context(), want)
	must(t, err)
	if text, err := os.ReadFile(path); err != nil || string(text) != "x\n" {
		t.Errorf("it ran %q, %v", text, err)
	}
	r.Command = engine.Exec("true")
	if _, err := c.Execute(t.Context(), r); !errors.Is(err, engine.ErrConflict) {
		t.Errorf("with another command: %v", err)
	}
}

// RACE-10: an id that is none is refused, wherever it stands, and touches no file.
func TestRACE10_HostileIDs(t *testing.T) {
	t.Parallel()
	r := reigns(t, engine.Config{})
	at := r.Addresses()[0]
	for _, id := range []string{"../../etc/x", "", ".", "a/b", strings.Repeat("a", 10<<10), "CON", `a\nb`, `a\u0000b`, "%2e%2e"} {
		for _, verb := range []string{"Get", "Cancel", "Execute"} {
			body := fmt.Sprintf(`{"id":"%s"}`, id)
			if verb == "Execute" {
				if id == "" {
					continue // it is given one
				}
				body = fmt.Sprintf(`{"id":"%s","command":{"type":"exec","program":"true"}}`, id)
			}
			header := map[string]string{"Content-Type": "application/json"}
			if status, answer := ask(t, at, &asked{http.MethodPost, verbs + verb, body, header}); status != http.StatusBadRequest {
				t.Errorf("%s of %.20q: %d %.200s", verb, id, status, answer)
			}
		}
	}
	if left, err := os.ReadDir(filepath.Join(r.config.StateDir, "active")); err != nil || len(left) > 0 {
		t.Errorf("there is %v, %v", left, err)
	}
}
