//go:build unix

package daemon_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// LIM-09: of many that clients ask for, never more run than may, all of these at once, and each
// ends as if it had been alone.
func TestLIM09_Concurrency(t *testing.T) {
	t.Parallel()
	const slots, many = 4, 40
	_, c := passing(t, engine.Config{MaxConcurrent: slots})
	gate := filepath.Join(t.TempDir(), "gate")
	ids := make([]engine.ID, many)
	for i := range ids { // each holds its slot until all of them were seen in use
		var err error
		ids[i], err = c.Execute(t.Context(), engine.Request{Command: engine.Shell("until [ -e '" + gate + "' ]; do sleep 0.02; done")})
		must(t, err)
	}
	for s := (engine.Stats{}); s.Running < slots; {
		var err error
		s, err = c.Stats(t.Context())
		must(t, err)
	}
	must(t, os.WriteFile(gate, nil, 0o600))
	type edge struct {
		at   time.Time
		more int
	}
	var edges []edge
	for _, id := range ids {
		r, err := c.Wait(t.Context(), id)
		must(t, err)
		if !r.Success {
			t.Errorf("one is %s: %s", r.Status, r.Error)
		}
		edges = append(edges, edge{r.StartedAt, 1}, edge{r.CompletedAt, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if order := a.at.Compare(b.at); order != 0 {
			return order
		}
		return a.more - b.more
	})
	running, most := 0, 0
	for _, e := range edges {
		running += e.more
		most = max(most, running)
	}
	if most != slots {
		t.Errorf("%d ran at once, want %d", most, slots)
	}
}

// LIM-09: who asked first is started first.
func TestLIM09_InOrder(t *testing.T) {
	t.Parallel()
	_, c := passing(t, engine.Config{MaxConcurrent: 1})
	requests := make([]engine.Request, 20)
	for i := range requests {
		requests[i] = engine.Request{Command: engine.Exec("true")}
	}
	var before engine.Result
	for i, o := range c.ExecuteBatch(t.Context(), requests) {
		must(t, o.Err)
		r, err := c.Wait(t.Context(), o.ID)
		must(t, err)
		if r.StartedAt.Before(before.CompletedAt) {
			t.Errorf("number %d was started before number %d had ended", i, i-1)
		}
		before = r
	}
}

// RACE-13: of what is over in no time a client sees all that happened to it, in order.
func TestRACE13_EventOrderOfInstantRuns(t *testing.T) {
	t.Parallel()
	_, c := passing(t, engine.Config{})
	want := []engine.EventKind{engine.ExecutionAccepted, engine.ExecutionStarted, engine.ExecutionCompleted}
	manyTimes(t, 100, func(ctx context.Context) error {
		id, err := c.Execute(ctx, engine.Request{Command: engine.Exec("true")})
		if err != nil {
			return err
		}
		var seen []engine.EventKind
		for ev, err := range c.Watch(ctx, id, 0) {
			if err != nil {
				return err
			}
			if slices.Contains(want, ev.Kind) {
				seen = append(seen, ev.Kind)
			}
		}
		if !slices.Equal(seen, want) {
			t.Errorf("want %v, got %v", want, seen)
		}
		return nil
	})
}
