package engine_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
)

// What one execution has locked another waits for, in the order in which they came: plans,
// their commands and single ones alike.
func TestExecute_LocksAreHeldOneAtATime(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	first := bash("exec sleep 600")
	first.Lock = "infra"
	holder := start(t, e, first)
	file := t.TempDir() + "/order"
	say := func(word string) engine.Request {
		return engine.Request{Command: engine.Shell("echo " + word + " >> " + file).With("sh"), Lock: "infra"}
	}
	single := start(t, e, say("single"))
	p := engine.Plan{Lock: "infra", Commands: []engine.PlanCommand{{Request: say("plan")}, {Request: say("plan")}}}
	id, err := e.ExecutePlan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	last := start(t, e, say("last"))
	if x, err := e.Get(t.Context(), id); err != nil || x.Status != engine.Pending || x.LockedBy != holder || x.Lock != "infra" || x.QueuePosition != 2 {
		t.Errorf("%v: %+v", err, x)
	}
	if s, err := e.Stats(t.Context()); err != nil || s.Queued != 3 {
		t.Errorf("%d wait, %v", s.Queued, err)
	}
	if err := e.Cancel(t.Context(), holder, engine.Cancellation{Force: true}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []engine.ID{single, id, last} {
		if r, err := e.Wait(t.Context(), id); err != nil || !r.Success {
			t.Errorf("%v: %+v", err, r)
		}
	}
	want := []string{"single", "plan", "plan", "last"}
	if d := cmp.Diff(want, strings.Fields(content(t, file))); d != "" {
		t.Error(d)
	}
}

// One that waits for a lock can be cancelled, and lets those behind it go on.
func TestCancel_LeavesTheLineForALock(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	locked := func(r engine.Request) engine.ID {
		r.Lock = "one"
		return start(t, e, r)
	}
	holder, waits, next := locked(bash("exec sleep 600")), locked(bash("exec sleep 600")), locked(engine.Request{Command: engine.Exec("true")})
	for _, id := range []engine.ID{waits, holder} {
		if err := e.Cancel(t.Context(), id, engine.Cancellation{Force: true}); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := e.Wait(t.Context(), next); err != nil || !r.Success {
		t.Errorf("%v: %+v", err, r)
	}
	if r, err := e.Wait(t.Context(), waits); err != nil || r.Cause != engine.CauseCancel || !r.StartedAt.IsZero() {
		t.Errorf("%v: %+v", err, r)
	}
}
