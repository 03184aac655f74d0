package engine_test

import (
	"fmt"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

// The events of a plan and of all its commands as one stream, without loss, each command's
// between its start and its end.
func TestWatchPlan_IsOneStream(t *testing.T) {
	t.Parallel()
	const n, lines = 40, 25
	e := open(t, engine.Config{})
	p := engine.Plan{Strategy: engine.PlanStrategy{Type: engine.ParallelPlan}}
	for range n {
		p.Commands = append(p.Commands, planned("", fmt.Sprintf("i=0; while test $i -lt %d; do echo $i; i=$((i+1)); done", lines)))
	}
	id, err := e.ExecutePlan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for what, from := range map[string]engine.Cursor{"live": 0, "replayed": 0} {
		next, runs, over := map[engine.ID]int{}, map[engine.ID]bool{}, 0
		var last engine.Event
		for ev, err := range engine.WatchPlan(t.Context(), e, id, from) {
			if err != nil {
				t.Fatal(err)
			}
			switch last = ev; {
			case ev.Progress != nil:
				runs[ev.Progress.CommandID] = ev.Progress.State == "running"
				if ev.Progress.State == "completed" {
					over++
				}
			case ev.Kind == engine.StdoutWritten:
				if string(ev.Line) != fmt.Sprint(next[ev.ExecutionID]) || !runs[ev.ExecutionID] {
					t.Fatalf("%s: %s wrote %q, runs %t; line %d is next", what, ev.ExecutionID, ev.Line, runs[ev.ExecutionID], next[ev.ExecutionID])
				}
				next[ev.ExecutionID]++
			}
		}
		if len(next) != n || over != n || last.Kind != engine.ExecutionCompleted || last.ExecutionID != id {
			t.Errorf("%s: %d commands wrote, %d are over, the last is %s", what, len(next), over, last.Kind)
		}
		for command, got := range next {
			if got != lines {
				t.Errorf("%s: %s wrote %d lines", what, command, got)
			}
		}
	}
}
