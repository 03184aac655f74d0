package client_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
)

// planned is a command of a plan.
func planned(name, line string, after ...string) engine.PlanCommand {
	return engine.PlanCommand{Name: name, Request: engine.Request{Command: engine.Exec("sh", "-c", line)}, DependsOn: after}
}

// A daemon that is replaced while a command of a plan runs costs who follows the plan no event,
// and gives none twice: of the plan, of the command that runs, and of the one after it.
func TestWatchPlan_GoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	const cuts, each = 5, 100
	e, path := newEngine(t), socket(t)
	stop := serve(t, e, path)
	c := dial(t, path, client.Config{})
	line, release := numbers(t, cuts, each)
	id, err := c.ExecutePlan(t.Context(), engine.Plan{Commands: []engine.PlanCommand{planned("a", line), planned("b", "true", "a")}})
	if err != nil {
		t.Fatal(err)
	}
	lines, steps := 0, ""
	for ev, err := range engine.WatchPlan(t.Context(), c, id, 0) {
		switch {
		case err != nil:
			t.Fatal(err)
		case ev.Progress != nil:
			steps += fmt.Sprintf("%s %s, ", ev.Progress.CurrentCommand, ev.Progress.State)
		case ev.Kind.Terminal():
			steps += "(" + string(ev.Kind) + "), "
		case ev.Kind != engine.StdoutWritten:
		case !ev.Partial:
			if lines++; string(ev.Line) != fmt.Sprint(lines) {
				t.Fatalf("want line %d, got %s", lines, ev.Line)
			}
		case int(ev.Number)%each == 0 && int(ev.Number)/each <= cuts:
			stop()
			stop = serve(t, e, path)
			release[int(ev.Number)/each-1]()
		}
	}
	want := "a running, (completed), a completed, b running, (completed), b completed, (completed), "
	if lines != cuts*each || steps != want {
		t.Errorf("want %d lines and %s\ngot  %d lines and %s", cuts*each, want, lines, steps)
	}
}

// A plan whose commands run at once is followed by one stream, which is cut at any byte: no event
// is missing, and none comes twice.
func TestWatchPlan_LosesNothingWhereItIsCut(t *testing.T) {
	t.Parallel()
	const n, lines = 8, 3000
	e, backend := newEngine(t), socket(t)
	serve(t, e, backend)
	proxy, front := cutBefore(t, backend, 100_000)
	c := dial(t, front, client.Config{Patience: time.Hour, WithoutOutput: true})
	p := engine.Plan{Strategy: engine.PlanStrategy{Type: engine.ParallelPlan}}
	for range n {
		p.Commands = append(p.Commands, planned("", fmt.Sprintf("i=0; while [ $i -lt %d ]; do i=$((i+1)); echo $i ....................; done", lines)))
	}
	id, err := e.ExecutePlan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	told, over := map[engine.ID]*story{}, 0
	for ev, err := range c.WatchPlan(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if told[ev.ExecutionID] == nil {
			told[ev.ExecutionID] = &story{}
		}
		s := told[ev.ExecutionID]
		if err := s.hear(&ev); err != nil {
			t.Fatalf("%s: %v", ev.ExecutionID, err)
		}
		if got := ev.Progress; got != nil && got.State == "completed" {
			if over++; told[got.CommandID] == nil || told[got.CommandID].lines != lines {
				t.Errorf("%s is over, and not all of it was told", got.CurrentCommand)
			}
		}
	}
	for x, s := range told {
		want, wrote := "accepted status_changed started status_changed completed", lines
		if x == id {
			want, wrote = "accepted status_changed started "+strings.Repeat("progress ", 2*n)+"status_changed completed", 0
		}
		if steps := strings.Join(s.steps, " "); steps != want || s.lines != wrote {
			t.Errorf("%s: %d lines, and %s", x, s.lines, steps)
		}
	}
	if over != n || len(told) != n+1 {
		t.Errorf("%d are over, and %d were told of", over, len(told))
	}
	t.Logf("%d cuts", proxy.cuts.Load())
}

// What is no plan, or not there, is an error of the stream.
func TestWatchPlan_NamesWhatItCannotFollow(t *testing.T) {
	t.Parallel()
	e, path := newEngine(t), socket(t)
	serve(t, e, path)
	c := dial(t, path, client.Config{})
	for ev, err := range c.WatchPlan(t.Context(), engine.ID{1}, 0) {
		if !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("want an ErrNotFound, got %v and %+v", err, ev)
		}
	}
}
