package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
)

// planned is a command of a plan that a shell runs.
func planned(name, script string) engine.PlanCommand {
	return engine.PlanCommand{Name: name, Request: engine.Request{Command: engine.Shell(script).With("sh")}}
}

// runPlan runs a plan to its end.
func runPlan(t *testing.T, e *engine.Engine, p engine.Plan) engine.PlanResult {
	t.Helper()
	id, err := e.ExecutePlan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.WaitPlan(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// states are how the commands of a plan ended, by name.
func states(r engine.PlanResult) string {
	var list []string
	for _, c := range r.Results {
		list = append(list, c.Name+" "+string(c.State))
	}
	return strings.Join(list, ", ")
}

func wantPlan(t *testing.T, r engine.PlanResult, status engine.Status, want string) {
	t.Helper()
	if r.Status != status || states(r) != want {
		t.Errorf("want %s: %s\ngot  %s: %s", status, want, r.Status, states(r))
	}
}

func TestExecutePlan_RunsOneAfterTheOther(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	dir := t.TempDir()
	say := func(name string) engine.PlanCommand { return planned(name, "echo "+name+" >> "+dir+"/out") }
	r := runPlan(t, e, engine.Plan{Commands: []engine.PlanCommand{say("one"), say("two"), say("three")}})
	wantPlan(t, r, engine.Completed, "one completed, two completed, three completed")
	if d := cmp.Diff("one\ntwo\nthree\n", content(t, dir+"/out")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(engine.PlanStats{Total: 3, Completed: 3, Attempts: 3}, r.Stats); d != "" {
		t.Error(d)
	}
}

// A serial plan stops at a failure; what is for that case runs all the same.
func TestExecutePlan_StopsAtAFailureInTheMiddle(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	undo := planned("undo", "true")
	undo.When = []engine.PlanCondition{{Command: "apply", Status: []engine.PlanState{"failed"}}}
	p := engine.Plan{Commands: []engine.PlanCommand{planned("check", "true"), planned("apply", "exit 3"), planned("notify", "true"), undo}}
	id, err := e.ExecutePlan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := e.Wait(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	wantPlan(t, *whole.Plan, engine.Failed, "check completed, apply failed, notify skipped, undo completed")
	if whole.Cause != engine.CauseCommands || whole.ExitCode != 1 || whole.Error != "1 of 4 commands failed: apply" || whole.Plan.Results[1].ExitCode != 3 {
		t.Errorf("got %+v", whole)
	}
	p.Strategy = engine.PlanStrategy{Type: engine.SerialPlan, NoStopOnError: true}
	wantPlan(t, runPlan(t, e, p), engine.Failed, "check completed, apply failed, notify completed, undo completed")
	p.Commands[1].ContinueOnError = true
	wantPlan(t, runPlan(t, e, p), engine.Completed, "check completed, apply failed, notify completed, undo completed")
}

// At most as many run at once as the plan says, and as the engine has slots.
func TestExecutePlan_RunsAtOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ slots, atOnce, want int }{{8, 3, 3}, {2, 0, 2}} {
		e := open(t, engine.Config{MaxConcurrent: tt.slots})
		p := engine.Plan{Strategy: engine.PlanStrategy{Type: engine.ParallelPlan, MaxConcurrency: tt.atOnce}}
		for range 12 {
			p.Commands = append(p.Commands, engine.PlanCommand{Request: engine.Request{Command: engine.Exec("true")}})
		}
		id, err := e.ExecutePlan(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		running, most := map[int]bool{}, 0
		for ev, err := range e.Watch(t.Context(), id, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if p := ev.Progress; p != nil {
				running[p.Index] = p.State == "running"
				n := 0
				for _, r := range running {
					if r {
						n++
					}
				}
				most = max(most, n)
			}
		}
		if most > tt.want {
			t.Errorf("%d ran at once, want at most %d", most, tt.want)
		}
	}
}

// A diamond: what the last needs is there.
func TestExecutePlan_FollowsDependencies(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	dir := t.TempDir()
	p := engine.Plan{Commands: []engine.PlanCommand{
		planned("last", "cat "+dir+"/left "+dir+"/right > "+dir+"/all"),
		planned("left", "cp "+dir+"/top "+dir+"/left"), planned("right", "cp "+dir+"/top "+dir+"/right"),
		planned("first", "echo top > "+dir+"/top"),
	}}
	p.Commands[0].DependsOn, p.Commands[1].DependsOn, p.Commands[2].DependsOn = []string{"left", "right"}, []string{"3"}, []string{"first"}
	wantPlan(t, runPlan(t, e, p), engine.Completed, "last completed, left completed, right completed, first completed")
	if got := content(t, dir+"/all"); strings.Count(got, "top") != 2 {
		t.Errorf("got %q", got)
	}
	p.Commands[1].Request.Command = engine.Exec("false")
	wantPlan(t, runPlan(t, e, p), engine.Failed, "last skipped, left failed, right completed, first completed")
}

func TestExecutePlan_RunsEachCellOfAMatrix(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	dir := t.TempDir()
	each := planned("scan", "echo ${matrix.account} > "+dir+"/$REGION-${matrix.account}")
	each.Request.Env = map[string]string{"REGION": "${matrix.region}"}
	each.Matrix.Axes = map[string][]string{"region": {"eu", "us"}, "account": {"dev", "prod"}}
	list := planned("list", "ls "+dir)
	list.DependsOn = []string{"scan"}
	r := runPlan(t, e, engine.Plan{Commands: []engine.PlanCommand{each, list}})
	wantPlan(t, r, engine.Completed, "scan[dev,eu] completed, scan[dev,us] completed, scan[prod,eu] completed, scan[prod,us] completed, list completed")
	out, err := e.Result(t.Context(), r.Results[4].ID)
	if err != nil || out.Stdout != "eu-dev\neu-prod\nus-dev\nus-prod\n" {
		t.Errorf("%v, %q", err, out.Stdout)
	}
}

// A command is run again where it says that it may be, and only after what it says.
func TestExecutePlan_RetriesWhatMayBe(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	dir := t.TempDir()
	try := planned("try", "echo >> "+dir+"/tries; test $(wc -l < "+dir+"/tries) -ge 3 || { echo Throttling >&2; exit 75; }")
	try.Retry = engine.PlanRetry{Attempts: 5, Backoff: time.Millisecond, Stderr: []string{"Throttl"}}
	r := runPlan(t, e, engine.Plan{Commands: []engine.PlanCommand{try}})
	wantPlan(t, r, engine.Completed, "try completed")
	if r.Results[0].Attempts != 3 || r.Stats.Attempts != 3 {
		t.Errorf("got %+v", r)
	}
	other := planned("other", "exit 2")
	other.Retry = engine.PlanRetry{Attempts: 5, Backoff: time.Millisecond, ExitCodes: []int{75}}
	if r := runPlan(t, e, engine.Plan{Commands: []engine.PlanCommand{other}}); r.Results[0].Attempts != 1 {
		t.Errorf("it was tried %d times", r.Results[0].Attempts)
	}
}

// A plan that is cancelled ends whole, and starts nothing more.
func TestCancelPlan_EndsAll(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	p := engine.Plan{Strategy: engine.PlanStrategy{Type: engine.ParallelPlan, MaxConcurrency: 2}}
	for range 4 {
		p.Commands = append(p.Commands, engine.PlanCommand{Request: bash("exec sleep 600")})
	}
	id, err := e.ExecutePlan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	awaitProgress(t, e, id, func(p *engine.Progress) bool { return p.State == "running" && p.Index == 1 })
	who := engine.Actor{Kind: engine.Human, Name: "ada"}
	if err := e.CancelPlan(t.Context(), id, engine.Cancellation{Actor: who}); err != nil {
		t.Fatal(err)
	}
	r, err := e.Wait(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	wantPlan(t, *r.Plan, engine.Cancelled, "command-0 cancelled, command-1 cancelled, command-2 skipped, command-3 skipped")
	if r.Cause != engine.CauseCancel || r.CancelledBy != who || r.Plan.Stats.Cancelled != 2 {
		t.Errorf("got %+v", r)
	}
	if n, err := e.RunningCount(t.Context()); n != 0 || err != nil {
		t.Errorf("%d run, %v", n, err)
	}
}

// awaitProgress waits for an event of a plan.
func awaitProgress(t *testing.T, e engine.API, id engine.ID, is func(*engine.Progress) bool) {
	t.Helper()
	for ev, err := range e.Watch(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Progress != nil && is(ev.Progress) {
			return
		}
	}
	t.Fatal("it ended before")
}

func TestExecutePlan_EndsAtItsTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{}, nil)
		r := runPlan(t, e, engine.Plan{Timeout: time.Minute, Commands: []engine.PlanCommand{{Request: play("hang")}, {Name: "next", Request: play("ok")}}})
		wantPlan(t, r, engine.TimedOut, "command-0 cancelled, next skipped")
		if r.TotalDuration != time.Minute {
			t.Errorf("it took %v", r.TotalDuration)
		}
	})
}

// A halt that is to be now cancels what runs.
func TestExecutePlan_HaltsNow(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{MaxConcurrent: 3})
	p := engine.Plan{
		Strategy: engine.PlanStrategy{Type: engine.ParallelPlan}, Halt: engine.PlanHalt{Failures: 1, Now: true},
		Commands: []engine.PlanCommand{{Request: bash("exec sleep 600")}, planned("bad", "exit 1"), {Request: bash("exec sleep 600")}, planned("more", "true")},
	}
	r := runPlan(t, e, p)
	if r.Status != engine.Failed || r.Results[0].State != "cancelled" || r.Results[1].State != "failed" {
		t.Errorf("got %s: %s", r.Status, states(r))
	}
}

// All of a plan is checked on this machine before anything of it starts.
func TestExecutePlan_RefusesTheWholeWhereOneCannotRun(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	dir := t.TempDir()
	p := engine.Plan{Commands: []engine.PlanCommand{
		planned("one", "touch "+dir+"/ran"),
		{Name: "two", Request: engine.Request{Command: engine.Exec("no-such-program")}},
		{Name: "three", Request: engine.Request{Command: engine.Exec("true"), WorkingDir: dir + "/nowhere"}},
	}}
	_, err := e.ExecutePlan(t.Context(), p)
	got := faultsOf(t, err)
	for _, want := range []string{"/commands/1: two: program not found", "/commands/2: three: invalid working directory"} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in:\n%s", want, got)
		}
	}
	if !errors.Is(err, engine.ErrProgramNotFound) || !errors.Is(err, engine.ErrWorkingDir) {
		t.Errorf("it is not what its faults are: %v", err)
	}
	if list, err := e.List(t.Context(), engine.Filter{}); err != nil || len(list.Executions) != 0 {
		t.Errorf("there is something: %v, %v", list.Executions, err)
	}
	_, err = e.Execute(t.Context(), engine.Request{Command: engine.Plan{Commands: p.Commands[:1]}, WorkingDir: dir})
	if err == nil || !strings.Contains(err.Error(), "working_dir is given, and this is a plan") {
		t.Errorf("got %v", err)
	}
}

// The same id is the same plan; another content is a conflict.
func TestExecutePlan_IsIdempotent(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	p := engine.Plan{ID: engine.ID{1}, Metadata: engine.Metadata{Tags: map[string]string{"team": "data"}}, Commands: []engine.PlanCommand{planned("one", "true")}}
	r := runPlan(t, e, p)
	if again := runPlan(t, e, p); again.Results[0].ID != r.Results[0].ID {
		t.Error("it ran again")
	}
	if _, err := e.Execute(t.Context(), engine.Request{ID: p.ID, Command: engine.Plan{Commands: p.Commands}, Metadata: p.Metadata}); err != nil {
		t.Errorf("the same as a request: %v", err)
	}
	p.Description = "another"
	if _, err := e.ExecutePlan(t.Context(), p); !errors.Is(err, engine.ErrConflict) {
		t.Errorf("want a conflict, got %v", err)
	}
	x, err := e.Get(t.Context(), r.Results[0].ID)
	if err != nil || x.Metadata.Tags[engine.PlanTag] != p.ID.String() || x.Metadata.Tags["team"] != "data" || x.Metadata.Tags[engine.PlanCommandTag] != "one" {
		t.Errorf("%v: tags %v", err, x.Metadata.Tags)
	}
}

// The secrets of commands are nowhere in what is shown of a plan.
func TestExecutePlan_MasksTheSecretsOfItsCommands(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-hunter2"
	store := engine.NewMemoryStore()
	e := open(t, engine.Config{Store: store})
	c := planned("login", "echo "+secret+"; test $TOKEN = "+secret)
	c.Request.Secrets, c.Request.Env = []string{secret}, map[string]string{"TOKEN": secret}
	c.Request.Stdin = []byte(secret)
	id, err := e.ExecutePlan(t.Context(), engine.Plan{Description: "as " + secret, Commands: []engine.PlanCommand{c}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.WaitPlan(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	wantPlan(t, r, engine.Completed, "login completed")
	if _, err := e.List(t.Context(), engine.Filter{}); err != nil { // the store has all
		t.Fatal(err)
	}
	rec, err := store.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	text, err := rec.Request.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text)+rec.Execution.Command, secret) {
		t.Errorf("it is in %s, %s", text, rec.Execution.Command)
	}
	c.Name = secret
	if _, err := e.ExecutePlan(t.Context(), engine.Plan{Commands: []engine.PlanCommand{c}}); !errors.Is(err, engine.ErrInvalid) {
		t.Errorf("want a refusal of a secret as a name, got %v", err)
	}
}

// An engine that is shut down lets a plan end that it has accepted, or cancels all of it.
func TestShutdown_LetsAPlanEnd(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	id, err := e.ExecutePlan(t.Context(), engine.Plan{Commands: []engine.PlanCommand{planned("a", "true"), planned("b", "true"), planned("c", "true")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := e.PlanResult(t.Context(), id); err != nil || r.Stats.Completed != 3 {
		t.Errorf("%v: %s", err, states(r))
	}
	e = open(t, engine.Config{})
	if id, err = e.ExecutePlan(t.Context(), engine.Plan{Commands: []engine.PlanCommand{{Request: bash("exec sleep 600")}, planned("b", "true")}}); err != nil {
		t.Fatal(err)
	}
	now, cancel := context.WithCancel(t.Context())
	cancel()
	_ = e.Shutdown(now)
	if r, err := e.Result(t.Context(), id); err != nil || r.Cause != engine.CauseShutdown || r.Plan.Results[1].State != "skipped" {
		t.Errorf("%v: %+v", err, r)
	}
}

// Events of a plan tell each step of each command, in order, and how far the whole is.
func TestWatch_TellsTheProgressOfAPlan(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	p := engine.Plan{Commands: []engine.PlanCommand{planned("one", "true"), planned("two", "false"), planned("three", "true")}}
	id, err := e.ExecutePlan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var last engine.Event
	for ev, err := range e.Watch(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if last = ev; ev.Progress != nil {
			got = append(got, fmt.Sprintf("%d/%d %s %s", ev.Progress.Completed, ev.Progress.Total, ev.Progress.CurrentCommand, ev.Progress.State))
		}
	}
	want := []string{"0/3 one running", "1/3 one completed", "1/3 two running", "3/3 two failed", "3/3 three skipped"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if last.Kind != engine.ExecutionFailed || last.Result.Plan.Stats.Skipped != 1 {
		t.Errorf("the last is %+v", last)
	}
	status, err := e.PlanStatus(t.Context(), id)
	if err != nil || !slices.EqualFunc(status.Results, last.Result.Plan.Results, func(a, b engine.PlanCommandResult) bool { return a == b }) {
		t.Errorf("%v: %+v", err, status)
	}
}
