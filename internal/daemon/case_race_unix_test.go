//go:build unix

package daemon_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// manyTimes runs f n times at once, and fails with what they return.
func manyTimes(t *testing.T, n int, f func(ctx context.Context) error) {
	t.Helper()
	group := lifecycle.New()
	faults := make([]error, n)
	for i := range faults {
		group.Go(func(ctx context.Context) { faults[i] = f(ctx) })
	}
	group.Wait()
	must(t, errors.Join(faults...))
}

// hears waits until an execution has written a line.
func hears(t *testing.T, c *client.Client, id engine.ID, line string) {
	t.Helper()
	for ev, err := range c.Watch(t.Context(), id, 0) {
		must(t, err)
		if string(ev.Line) == line {
			return
		}
	}
	t.Fatalf("it ended without %q", line)
}

// LIM-01: what takes too long is neither failed nor cancelled.
func TestLIM01_Timeout(t *testing.T) {
	t.Parallel()
	_, c := passing(t, engine.Config{})
	r := ran(t, c, engine.Request{Command: engine.Exec("sleep", "600"), Timeout: time.Second})
	if r.Status != engine.TimedOut || r.Cause != engine.CauseTimeout || r.Signal != "TERM" {
		t.Errorf("it ended as %+v", r)
	}
}

// RACE-01: a cancel that meets the end of a command has one outcome, which all are told.
func TestRACE01_CancelAgainstExit(t *testing.T) {
	t.Parallel()
	_, c := passing(t, engine.Config{})
	manyTimes(t, 50, func(ctx context.Context) error {
		id, err := c.Execute(ctx, engine.Request{Command: engine.Exec("sleep", "0.01")})
		if err != nil {
			return err
		}
		if err := c.Cancel(ctx, id, engine.Cancellation{}); err != nil && !errors.Is(err, engine.ErrFinished) {
			return err
		}
		r, err := c.Wait(ctx, id)
		if r.Success != (r.Cause == engine.CauseExit) || r.Success != (r.Status == engine.Completed) {
			t.Errorf("%s by %s with code %d do not agree", r.Status, r.Cause, r.ExitCode)
		}
		endings := 0
		for ev, err := range c.Watch(ctx, id, 0) {
			if err != nil {
				return err
			}
			if ev.Kind.Terminal() {
				endings++
			}
		}
		if endings != 1 {
			t.Errorf("it has %d endings", endings)
		}
		return err
	})
}

// RACE-03: a hundred cancels at once are all accepted, and the command sees one signal.
func TestRACE03_ManyCancelsAtOnce(t *testing.T) {
	t.Parallel()
	_, c := passing(t, engine.Config{Grace: 10 * time.Minute})
	gate := filepath.Join(t.TempDir(), "gate")
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("trap 'echo T' TERM; echo ready; until [ -e '" + gate + "' ]; do sleep 0.02; done")})
	must(t, err)
	hears(t, c, id, "ready")
	manyTimes(t, 100, func(ctx context.Context) error { return c.Cancel(ctx, id, engine.Cancellation{}) })
	hears(t, c, id, "T")
	must(t, os.WriteFile(gate, nil, 0o600))
	if r, err := c.Wait(t.Context(), id); err != nil || r.Stdout != "ready\nT\n" || r.Status != engine.Cancelled {
		t.Errorf("%v: it wrote %q and is %s", err, r.Stdout, r.Status)
	}
}

// RACE-05: what is cancelled while it waits is never started, also when its turn comes.
func TestRACE05_CancelWhileQueued(t *testing.T) {
	t.Parallel()
	_, c := passing(t, engine.Config{MaxConcurrent: 1})
	path := filepath.Join(t.TempDir(), "ran")
	first, err := c.Execute(t.Context(), engine.Request{Command: engine.Exec("sleep", "600")})
	must(t, err)
	queued, err := c.Execute(t.Context(), engine.Request{Command: engine.Exec("touch", path)})
	must(t, err)
	must(t, c.Cancel(t.Context(), queued, engine.Cancellation{}))
	if r, err := c.Wait(t.Context(), queued); err != nil || r.Status != engine.Cancelled || !r.StartedAt.IsZero() {
		t.Errorf("%v: it is %s, started at %s", err, r.Status, r.StartedAt)
	}
	must(t, c.Cancel(t.Context(), first, engine.Cancellation{}))
	ran(t, c, engine.Request{Command: engine.Exec("true")}) // the slot is free again, and was used
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it ran: %v", err)
	}
}

// RACE-11: what is killed and at once deleted is refused until it has ended, and leaves nothing then.
func TestRACE11_KillAndDeleteAtOnce(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	d := open(t, daemon.Config{StateDir: filepath.Join(dir, "state"), Settings: daemon.Settings{Socket: filepath.Join(dir, "s")}})
	c, err := client.New(d.Addresses()[0], client.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, c.Shutdown(t.Context())) })
	manyTimes(t, 10, func(ctx context.Context) error {
		id, err := c.Execute(ctx, engine.Request{Command: engine.Exec("sleep", "600")})
		if err != nil {
			return err
		}
		if err := c.Cancel(ctx, id, engine.Cancellation{Force: true}); err != nil {
			return err
		}
		_, early := c.Delete(ctx, engine.Deletion{IDs: []engine.ID{id}})
		if early == nil { // it had ended
			return nil
		}
		if !errors.Is(early, engine.ErrNotFinished) {
			return early
		}
		if r, err := c.Wait(ctx, id); err != nil || r.Status != engine.Cancelled {
			t.Errorf("%v: it is %s", err, r.Status)
		}
		_, err = c.Delete(ctx, engine.Deletion{IDs: []engine.ID{id}})
		return err
	})
	if p, err := c.List(t.Context(), engine.Filter{}); err != nil || len(p.Executions) > 0 {
		t.Errorf("%v: left are %+v", err, p.Executions)
	}
}
