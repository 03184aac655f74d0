package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
)

// transportTo connects to a socket.
func transportTo(t *testing.T, path string) *http.Transport {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func TestNew_RefusesWhatIsNoPlace(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"", "engine", "unix://", "unix://host/path", "http://", "ftp://host", "unix:socket", "http://%zz"} {
		if _, err := client.New(target, client.Config{}); !errors.Is(err, engine.ErrInvalidConfig) {
			t.Errorf("%q: got %v", target, err)
		}
	}
}

// A client that was closed says so, whatever it is asked; and what waits hears it.
func TestShutdown_ClosesTheClientAlone(t *testing.T) {
	t.Parallel()
	e, path := newEngine(t), socket(t)
	serve(t, e, path)
	c := dial(t, path, client.Config{})
	wait, release := gate(t)
	id := start(t, c, "%s", wait)
	waits := make(chan error, 1)
	go func() {
		_, err := c.Wait(t.Context(), id)
		waits <- err
	}()
	first := true
	for _, err := range c.Watch(t.Context(), id, 0) {
		if first {
			first = false
			if err := c.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		} else if err != nil && !errors.Is(err, engine.ErrClosed) {
			t.Errorf("watch: %v", err)
		}
	}
	if err := <-waits; !errors.Is(err, engine.ErrClosed) {
		t.Errorf("wait: %v", err)
	}
	for what, call := range map[string]func() error{
		"execute": func() error {
			_, err := c.Execute(t.Context(), engine.Request{Command: engine.Exec("true")})
			return err
		},
		"get":   func() error { _, err := c.Get(t.Context(), id); return err },
		"write": func() error { _, err := c.WriteStdin(t.Context(), id, nil); return err },
		"close": func() error { return c.CloseStdin(t.Context(), id) },
		"lines": func() (last error) {
			for _, err := range c.Lines(t.Context(), id, engine.LineQuery{}) {
				last = err
			}
			return last
		},
	} {
		if err := call(); !errors.Is(err, engine.ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	release()
	if r, err := e.Wait(t.Context(), id); err != nil || !r.Success {
		t.Errorf("what runs: %+v, %v", r, err)
	}
}

// Errors come with their hints and names.
func TestClient_KeepsWhatErrorsSay(t *testing.T) {
	t.Parallel()
	e, path := newEngine(t), socket(t)
	serve(t, e, path)
	c := dial(t, path, client.Config{})
	r := engine.Request{Command: engine.Exec("no-such-program-here")}
	_, want := e.Execute(t.Context(), r)
	_, got := c.Execute(t.Context(), r)
	if got == nil || got.Error() != want.Error() || engine.Hint(got) != engine.Hint(want) || engine.Hint(got) == "" ||
		engine.ErrorCode(got) != "program_not_found" || !errors.Is(got, engine.ErrInvalid) || engine.Retryable(got) {
		t.Errorf("want %v (%s), got %v (%s)", want, engine.Hint(want), got, engine.Hint(got))
	}
	r = engine.Request{Command: engine.Exec("true"), StdinFrom: strings.NewReader("")}
	if _, err := c.Execute(t.Context(), r); !errors.Is(err, engine.ErrUnsupported) {
		t.Errorf("a reader: %v", err)
	}
	if _, err := c.Delete(t.Context(), engine.Deletion{Keep: 1}); !errors.Is(err, engine.ErrUnsupported) {
		t.Errorf("delete: %v", err)
	}
	who, err := c.Daemon(t.Context())
	if err != nil || who.Version != "test" || who.Platform != runtime.GOOS+"/"+runtime.GOARCH || who.Capabilities.Containment == "" {
		t.Errorf("%+v, %v", who, err)
	}
}

// A batch is as long as it has to be, and its outcomes are in its order.
func TestExecuteBatch_TakesEachOnItsOwn(t *testing.T) {
	t.Parallel()
	e, path := newEngine(t), socket(t)
	serve(t, e, path)
	c := dial(t, path, client.Config{})
	requests := make([]engine.Request, 1200)
	for i := range requests {
		if i%100 > 0 {
			requests[i] = engine.Request{Command: engine.Exec("no-such-program-here")}
		} else {
			requests[i] = engine.Request{Command: engine.Exec("echo", fmt.Sprint(i))}
		}
	}
	requests[7].StdinFrom = strings.NewReader("")
	outcomes := c.ExecuteBatch(t.Context(), requests)
	for i, o := range outcomes {
		switch {
		case i == 7 && errors.Is(o.Err, engine.ErrUnsupported):
		case i%100 > 0 && i != 7 && errors.Is(o.Err, engine.ErrProgramNotFound):
		case i%100 > 0 || o.Err != nil:
			t.Errorf("%d: %v", i, o.Err)
		default:
			if r, err := c.Wait(t.Context(), o.ID); err != nil || r.Stdout != fmt.Sprintln(i) {
				t.Errorf("%d: %q, %v", i, r.Stdout, err)
			}
		}
	}
	if len(outcomes) != len(requests) || len(c.ExecuteBatch(t.Context(), nil)) != 0 {
		t.Errorf("%d outcomes of %d requests", len(outcomes), len(requests))
	}
	if err := c.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for _, o := range c.ExecuteBatch(t.Context(), requests[:1]) {
		if !errors.Is(o.Err, engine.ErrClosed) {
			t.Errorf("closed: %v", o.Err)
		}
	}
}

// Writes of one client come one after another, also where each takes several calls.
func TestWriteStdin_DoesNotMix(t *testing.T) {
	t.Parallel()
	e, path := newEngine(t), socket(t)
	serve(t, e, path)
	c := dial(t, path, client.Config{})
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Exec("cat"), Interactive: true, Limits: engine.Limits{OutputBytes: 100 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	const size = 2_500_000
	var writers sync.WaitGroup
	for _, letter := range "abc" {
		writers.Go(func() {
			if n, err := c.WriteStdin(t.Context(), id, bytes.Repeat([]byte(string(letter)), size)); n != size || err != nil {
				t.Errorf("%c: %d, %v", letter, n, err)
			}
		})
	}
	writers.Wait()
	if err := c.CloseStdin(t.Context(), id); err != nil {
		t.Error(err)
	}
	r, err := c.Wait(t.Context(), id)
	if err != nil || len(r.Stdout) != 3*size {
		t.Fatalf("%d bytes, %v", len(r.Stdout), err)
	}
	for i := range 3 {
		if part := r.Stdout[i*size : (i+1)*size]; strings.Count(part, part[:1]) != size {
			t.Errorf("part %d is of several", i)
		}
	}
}
