package durable_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// appending is a plan each of whose commands appends its name to a file. The one in the
// middle then waits for another file.
func appending(s engine.PlanStrategy, n int, file, gate string) engine.Plan {
	p := engine.Plan{Description: "append", Strategy: s}
	for i := range n {
		line := fmt.Sprintf("echo c%d >> %s", i, file)
		if i == n/2 {
			line += "; until test -e " + gate + "; do sleep .01; done"
		}
		p.Commands = append(p.Commands, engine.PlanCommand{
			Name: fmt.Sprintf("c%d", i),
			Request: engine.Request{ // its secrets have to be there when somebody goes on with it
				Command: engine.Shell(line + "; test $API_TOKEN = token-token"), Env: map[string]string{"API_TOKEN": "token-token"},
			},
		})
	}
	return p
}

func linesOf(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// An engine is killed in the middle of a plan. The next goes on with it: what ran is not
// run again, what runs is waited for, what did not start starts.
func TestPlan_OutlivesItsEngine(t *testing.T) {
	t.Parallel()
	for name, strategy := range map[string]engine.PlanStrategy{
		"serial": {Type: engine.SerialPlan}, "parallel": {Type: engine.ParallelPlan, MaxConcurrency: 3},
	} {
		for _, at := range []int{1, 4, 6} {
			t.Run(fmt.Sprintf("%s, at %d", name, at), func(t *testing.T) {
				t.Parallel()
				outliving(t, strategy, at)
			})
		}
	}
}

func outliving(t *testing.T, strategy engine.PlanStrategy, at int) {
	t.Helper()
	const n = 10
	dir, tmp := place(t), t.TempDir()
	file, gate := tmp+"/out", tmp+"/gate"
	text, err := json.Marshal(appending(strategy, n, file, gate))
	if err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, dir, "owner", string(text))
	eventually(t, "some have run", func() bool { return len(linesOf(t, file)) >= at })
	p.kill(t)
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	e := open(t, dir, durable.Config{})
	r, err := e.WaitPlan(t.Context(), p.ids[0])
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != engine.Completed || r.Stats.Completed != n || r.Stats.Attempts != n {
		t.Errorf("it ended as %s: %+v %+v", r.Status, r.Stats, r.Results)
	}
	lines := linesOf(t, file)
	slices.Sort(lines)
	want := make([]string, n)
	for i := range want {
		want[i] = fmt.Sprintf("c%d", i)
	}
	if !slices.Equal(lines, want) {
		t.Errorf("commands ran %v", lines)
	}
	if _, err := e.List(t.Context(), engine.Filter{Limit: 1}); err != nil { // the history has its end
		t.Fatal(err)
	}
	rec, err := e.Record(t.Context(), p.ids[0])
	if err != nil || rec.Whole || strings.Contains(fmt.Sprint(rec.Request), "token-token") {
		t.Errorf("%v: its secrets are kept when it has ended", err)
	}
}

// A supervisor is killed with its engine: nobody knows what became of its command. The
// plan ends as lost and starts nothing more.
func TestPlan_StopsAtWhatIsLost(t *testing.T) {
	t.Parallel()
	dir, tmp := place(t), t.TempDir()
	text, err := json.Marshal(appending(engine.PlanStrategy{Type: engine.SerialPlan}, 3, tmp+"/out", tmp+"/never"))
	if err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, dir, "owner", string(text))
	eventually(t, "the second runs", func() bool { return len(linesOf(t, tmp+"/out")) == 2 })
	guest := open(t, dir, durable.Config{Guest: true})
	second := commandOf(t, guest, p.ids[0], "c1")
	p.kill(t)
	killPid(t, describedIn(t, dir, second).Keeper.Pid)
	e := open(t, dir, durable.Config{})
	r, err := e.Wait(t.Context(), p.ids[0])
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != engine.Lost || r.Plan == nil || r.Plan.Results[1].State != "lost" || r.Plan.Results[2].State != "skipped" {
		t.Errorf("it ended as %s: %+v", r.Status, r.Plan)
	}
	if !strings.Contains(r.Error, "c1") {
		t.Errorf("it does not say what is lost: %s", r.Error)
	}
	if n := len(linesOf(t, tmp+"/out")); n != 2 {
		t.Errorf("%d commands ran", n)
	}
}

// commandOf finds the execution of a command of a plan, by its tags.
func commandOf(t *testing.T, e engine.API, planID engine.ID, name string) engine.ID {
	t.Helper()
	p, err := e.List(t.Context(), engine.Filter{Tags: map[string]string{engine.PlanTag: planID.String(), engine.PlanCommandTag: name}})
	if err != nil || len(p.Executions) != 1 {
		t.Fatalf("%v: there are %d", err, len(p.Executions))
	}
	return p.Executions[0].ID
}

// Who looks at the directory beside the owner sees the plan run, and its end.
func TestPlan_IsSeenByGuests(t *testing.T) {
	t.Parallel()
	dir, tmp := place(t), t.TempDir()
	owner := open(t, dir, durable.Config{})
	id, err := owner.ExecutePlan(t.Context(), appending(engine.PlanStrategy{Type: engine.SerialPlan}, 3, tmp+"/out", tmp+"/gate"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second runs", func() bool { return len(linesOf(t, tmp+"/out")) == 2 })
	guest := open(t, dir, durable.Config{Guest: true})
	if x, err := guest.Get(t.Context(), id); err != nil || x.Status.Terminal() {
		t.Errorf("it is %s, %v", x.Status, err)
	}
	if err := os.WriteFile(tmp+"/gate", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := guest.WaitPlan(t.Context(), id); err != nil || r.Stats.Completed != 3 {
		t.Errorf("%v: %+v", err, r)
	}
	var steps []string // of one that has ended elsewhere
	for ev, err := range open(t, dir, durable.Config{Guest: true}).Watch(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if p := ev.Progress; p != nil {
			steps = append(steps, p.CurrentCommand+" "+string(p.State))
		}
	}
	if got := strings.Join(steps, ", "); got != "c0 running, c0 completed, c1 running, c1 completed, c2 running, c2 completed" {
		t.Errorf("its events are %s", got)
	}
}

// A guest that starts what it is asked for and goes takes no plan; one that stays does.
func TestPlan_NeedsSomebodyWhoStays(t *testing.T) {
	t.Parallel()
	dir := place(t)
	p := engine.Plan{Commands: []engine.PlanCommand{{Request: engine.Request{Command: engine.Shell("true")}}, {Request: engine.Request{Command: engine.Shell("true")}}}}
	guest := open(t, dir, durable.Config{Guest: true})
	if _, err := guest.ExecutePlan(t.Context(), p); !errors.Is(err, engine.ErrUnsupported) {
		t.Errorf("want a refusal, got %v", err)
	}
	stays := open(t, dir, durable.Config{Guest: true, Foreground: true})
	id, err := stays.ExecutePlan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := stays.WaitPlan(t.Context(), id); err != nil || r.Stats.Completed != 2 {
		t.Errorf("%v: %+v", err, r)
	}
}
