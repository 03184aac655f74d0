package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// home is a state directory for tests: an engine of this process and a store in memory.
// It stays open when a command closes it.
type home struct {
	*engine.Engine

	t     *testing.T
	store *engine.MemoryStore
	// damage is what Check finds, loads what executions use.
	damage error
	loads  map[engine.ID]process.Load
}

var _ cli.StateDir = (*home)(nil)

func newHome(t *testing.T, adjust ...func(c *engine.Config)) *home {
	t.Helper()
	store := engine.NewMemoryStore()
	c := engine.Config{Store: store, Containment: "group"}
	for _, f := range adjust {
		f(&c)
	}
	e, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	h := &home{Engine: e, t: t, store: store}
	t.Cleanup(h.end)
	return h
}

// end ends all that runs.
func (h *home) end() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	cancel()
	_ = h.Engine.Shutdown(ctx) // its error is that the context was done
}

func (h *home) Record(ctx context.Context, id engine.ID) (engine.Record, error) {
	return h.store.Get(ctx, id)
}

// Get and List are those of the store, which knows what was deleted.
func (h *home) Get(ctx context.Context, id engine.ID) (engine.Execution, error) {
	if _, err := h.store.Get(ctx, id); err != nil {
		return engine.Execution{}, err
	}
	return h.Engine.Get(ctx, id)
}

func (h *home) List(ctx context.Context, f engine.Filter) (engine.Page, error) {
	return h.store.List(ctx, f)
}

func (h *home) Delete(ctx context.Context, d engine.Deletion) (int, error) {
	return h.store.Delete(ctx, d)
}

func (h *home) Loads(context.Context, []engine.ID) map[engine.ID]process.Load { return h.loads }

func (h *home) Check(context.Context) error { return h.damage }

func (h *home) Rebuild(ctx context.Context) (int, error) {
	p, err := h.List(ctx, engine.Filter{Total: true})
	return p.Total, err
}

func (*home) Shutdown(context.Context) error { return nil }

// said is what a command did.
type said struct {
	code           int
	stdout, stderr string
}

// cloudops runs a command that reads input.
func (h *home) cloudops(input string, args ...string) said {
	var stdout, stderr bytes.Buffer
	code := cli.MainOn(h, args, strings.NewReader(input), &stdout, &stderr)
	return said{code, stdout.String(), stderr.String()}
}

// into runs a command whose stdout is elsewhere.
func (h *home) into(stdout io.Writer, args ...string) (code int, stderr string) {
	var said bytes.Buffer
	code = cli.MainOn(h, args, strings.NewReader(""), stdout, &said)
	return code, said.String()
}

// says runs a command that must end with this code, and returns what it wrote.
func (h *home) says(code int, args ...string) said {
	h.t.Helper()
	got := h.cloudops("", args...)
	if got.code != code {
		h.t.Fatalf("cloudops %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got.code, code, got.stdout, got.stderr)
	}
	return got
}

// start executes a line of sh and returns at once.
func (h *home) start(line string, adjust ...func(r *engine.Request)) engine.ID {
	h.t.Helper()
	r := engine.Request{Command: engine.Exec("sh", "-c", line)}
	for _, f := range adjust {
		f(&r)
	}
	id, err := h.Execute(h.t.Context(), r)
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

// did executes a line of sh to its end.
func (h *home) did(line string, adjust ...func(r *engine.Request)) engine.ID {
	h.t.Helper()
	id := h.start(line, adjust...)
	h.ended(id)
	return id
}

// ended waits until the end of an execution is in the store.
func (h *home) ended(id engine.ID) {
	h.t.Helper()
	if _, err := h.Wait(h.t.Context(), id); err != nil {
		h.t.Fatal(err)
	}
	h.until(func() bool {
		r, err := h.store.Get(h.t.Context(), id)
		return err == nil && r.Execution.Status.Terminal()
	})
}

// until waits for what comes soon.
func (h *home) until(holds func() bool) {
	h.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	hang := time.After(time.Minute)
	for !holds() {
		select {
		case <-tick.C:
		case <-hang:
			h.t.Fatal("it never came")
		}
	}
}

// gate is a file that commands wait for.
func (h *home) gate() (path string, open func()) {
	path = filepath.Join(h.t.TempDir(), "gate")
	return path, func() {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			h.t.Error(err)
		}
	}
}

func parse[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

func wantText(t *testing.T, what, want, got string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\nwant %q\ngot  %q", what, want, got)
	}
}

func wantHas(t *testing.T, what, got string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("%s: want %q in\n%s", what, part, got)
		}
	}
}
