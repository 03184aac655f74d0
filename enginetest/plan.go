package enginetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	engine "github.com/escher-dbai/cloudops-engine"
)

func planCases() []one {
	return []one{
		{"RunsAPlan", "a plan is an execution, whose result and events tell of its commands, and these are executions of their own", runsAPlan},
		{"RefusesAPlanAsAWhole", "a plan with faults is refused with all of them, and nothing of it is kept", refusesAPlan},
		{"CancelsAPlan", "to cancel a plan ends what runs of it, and starts nothing more", cancelsAPlan},
		{"EstimatesAPlan", "what completed before tells how long it will take, in the events of a plan and in its result", estimatesAPlan},
		{"HoldsLocks", "what one execution has locked another waits for, and says so", holdsLocks},
	}
}

// step is a command of a plan.
func step(name, line string) engine.PlanCommand {
	return engine.PlanCommand{Name: name, Request: sh(line)}
}

func runsAPlan(b *bench) {
	t := b.t
	p := engine.Plan{Description: "three", Commands: []engine.PlanCommand{step("one", "echo first"), step("two", "exit 3"), step("three", "true")}}
	p.Metadata.Tags = map[string]string{"of": "plan"}
	id := b.start(t, p.Request())
	r := b.end(t, id)
	want(t, "status", engine.Failed, r.Status)
	want(t, "cause", engine.CauseCommands, r.Cause)
	want(t, "exit code", 1, r.ExitCode)
	if r.Plan == nil {
		t.Fatal("its result tells nothing of its commands")
	}
	want(t, "counts", engine.PlanStats{Total: 3, Completed: 1, Failed: 1, Skipped: 1, Attempts: 2}, r.Plan.Stats)
	want(t, "exit code of the second", 3, r.Plan.Results[1].ExitCode)
	first := b.end(t, r.Plan.Results[0].ID)
	want(t, "output of the first", "first\n", first.Stdout)
	x, err := b.Get(patient(t), id)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "type", string(engine.CommandTypePlan), x.Type)
	want(t, "tag of the plan", "plan", x.Metadata.Tags["of"])
	list, err := b.List(patient(t), engine.Filter{Tags: map[string]string{engine.PlanTag: id.String()}})
	if err != nil || len(list.Executions) != 2 {
		t.Errorf("%v: it has %d executions", err, len(list.Executions))
	}
	var steps []string
	for ev, err := range b.Watch(patient(t), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if p := ev.Progress; p != nil {
			steps = append(steps, fmt.Sprintf("%d/%d %s %s", p.Completed, p.Total, p.CurrentCommand, p.State))
		}
	}
	want(t, "progress", "0/3 one running, 1/3 one completed, 1/3 two running, 3/3 two failed, 3/3 three skipped", strings.Join(steps, ", "))
	status, err := engine.PlanFrom(patient(t), b.API, id)
	if err != nil || !slices.EqualFunc(status.Results, r.Plan.Results, func(a, b engine.PlanCommandResult) bool { return a.ID == b.ID && a.State == b.State }) {
		t.Errorf("%v: want %+v, got %+v", err, r.Plan.Results, status.Results)
	}
}

func estimatesAPlan(b *bench) {
	t := b.t
	p := engine.Plan{Description: "estimated", Commands: []engine.PlanCommand{step("well", "echo estimated"), step("badly", "echo estimated; exit 3")}}
	first := b.end(t, b.start(t, p.Request())).Plan
	if first == nil {
		t.Fatal("its result tells nothing of its commands")
	}
	want(t, "estimates of the first", [3]int64{}, [3]int64{first.EstimateMS, first.Results[0].EstimateMS, first.Results[1].EstimateMS})
	p.Commands = p.Commands[:1]
	b.end(t, b.start(t, p.Request()))

	id := b.start(t, p.Request())
	again := b.end(t, id).Plan
	if again.EstimateMS < 1 || again.Results[0].EstimateMS < 1 {
		t.Errorf("of what completed before there is no estimate: %+v", again)
	}
	for ev, err := range b.Watch(patient(t), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if got := ev.Progress; got != nil {
			c := &again.Results[0]
			took := int64(0)
			if got.State.Over() {
				took = c.CompletedAt.Sub(c.StartedAt).Milliseconds()
			}
			want(t, "in "+string(got.State), [3]int64{took, c.EstimateMS, again.EstimateMS}, [3]int64{got.ElapsedMS, got.EstimateMS, got.PlanEstimateMS})
		}
	}
}

func refusesAPlan(b *bench) {
	t := b.t
	missing := engine.PlanCommand{Name: "two", Request: engine.Request{Command: engine.Exec("no-such-program-anywhere")}}
	p := engine.Plan{Commands: []engine.PlanCommand{step("one", "true"), missing, {Name: "three", Request: missing.Request}}}
	_, err := b.Execute(patient(t), p.Request())
	if !errors.Is(err, engine.ErrInvalid) || !strings.Contains(err.Error(), "/commands/1") || !strings.Contains(err.Error(), "/commands/2") {
		t.Errorf("want an ErrInvalid with both faults, got %v", err)
	}
	if list, err := b.List(patient(t), engine.Filter{}); err != nil || len(list.Executions) > 0 {
		t.Errorf("%v: there are %d executions", err, len(list.Executions))
	}
}

func cancelsAPlan(b *bench) {
	t := b.t
	p := engine.Plan{Commands: []engine.PlanCommand{step("one", "exec sleep 600"), step("two", "true")}}
	id := b.start(t, p.Request())
	for ev, err := range b.Watch(patient(t), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Progress != nil {
			break // it runs
		}
	}
	if live, err := engine.PlanFrom(patient(t), b.API, id); err != nil || live.Stats.Running != 1 || live.Stats.Pending != 1 {
		t.Errorf("%v: while it runs it is %+v", err, live)
	}
	if err := b.Cancel(patient(t), id, engine.Cancellation{}); err != nil {
		t.Fatal(err)
	}
	r := b.end(t, id)
	want(t, "status", engine.Cancelled, r.Status)
	want(t, "counts", engine.PlanStats{Total: 2, Cancelled: 1, Skipped: 1, Attempts: 1}, r.Plan.Stats)
}

func holdsLocks(b *bench) {
	t := b.t
	first, second := sh("exec sleep 600"), sh("true")
	first.Lock, second.Lock = "one at a time", "one at a time"
	holder := b.start(t, first)
	waits := b.start(t, second)
	x, err := b.Get(patient(t), waits)
	if err != nil || x.Status != engine.Pending || x.Lock != second.Lock || x.LockedBy != holder {
		t.Errorf("%v: want it to wait for %s, got %+v", err, holder, x)
	}
	if err := b.Cancel(patient(t), holder, engine.Cancellation{}); err != nil {
		t.Fatal(err)
	}
	want(t, "then it runs", true, b.end(t, waits).Success)
}
