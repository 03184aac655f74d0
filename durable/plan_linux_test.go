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

// A plan in the foreground is lost with its program: how it ended nobody wrote, but what became of
// its commands is known. It once was said to be no plan.
func TestPlan_ThatIsLostTellsOfItsCommands(t *testing.T) {
	t.Parallel()
	dir, tmp := place(t), t.TempDir()
	text, err := json.Marshal(appending(engine.PlanStrategy{Type: engine.SerialPlan}, 3, tmp+"/out", tmp+"/gate"))
	if err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, dir, "foreground", string(text))
	eventually(t, "the second runs", func() bool { return len(linesOf(t, tmp+"/out")) == 2 })
	p.kill(t)
	if err := os.WriteFile(tmp+"/gate", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	e := open(t, dir, durable.Config{})
	waited, err := e.WaitPlan(t.Context(), p.ids[0])
	if err != nil {
		t.Fatal(err)
	}
	result, err := e.PlanResult(t.Context(), p.ids[0])
	if err != nil {
		t.Fatal(err)
	}
	for how, r := range map[string]engine.PlanResult{"waited for": waited, "asked for": result} {
		if r.Status != engine.Lost || len(r.Results) != 2 || r.Results[0].Name != "c0" || r.Results[0].State != "completed" || r.Results[1].Name != "c1" {
			t.Errorf("%s: it is %s with %+v", how, r.Status, r.Results)
		}
	}
	single, err := e.Execute(t.Context(), engine.Request{Command: engine.Shell("true")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.WaitPlan(t.Context(), single); !errors.Is(err, engine.ErrInvalid) || !strings.Contains(err.Error(), "is no plan") {
		t.Errorf("want that it is no plan, got %v", err)
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

// A plan runs in one program; another, which starts nothing, sees what runs of it, and
// cancels it. It once said that it had, and the plan went on.
func TestPlan_IsCancelledByAnother(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]durable.Config{"the owner's": {}, "a foreground's": {Guest: true, Foreground: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, tmp := place(t), t.TempDir()
			file := tmp + "/out"
			conductor := open(t, dir, config)
			plan, force := appending(engine.PlanStrategy{Type: engine.SerialPlan}, 3, file, tmp+"/never"), config.Foreground
			if force {
				plan.Commands[1].Request.Command = engine.Shell("trap '' TERM; echo c1 >> " + file + "; while :; do sleep .01; done")
			}
			id, err := conductor.ExecutePlan(t.Context(), plan)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "the one in the middle runs", func() bool { return len(linesOf(t, file)) == 2 })
			guest := open(t, dir, durable.Config{Guest: true})
			eventually(t, "the guest sees it run", func() bool { // it is noted beside what it does
				x, err := guest.Get(t.Context(), id)
				return err == nil && x.Status == engine.Running
			})
			eventually(t, "the guest sees its commands", func() bool {
				p, err := engine.PlanFrom(t.Context(), guest, id)
				if err != nil {
					t.Fatal(err)
				}
				return p.Stats.Completed == 1 && p.Stats.Running == 1 && p.Results[1].Name == "c1"
			})
			by := engine.Actor{Kind: engine.Human, Name: "somebody else"}
			if err := guest.CancelPlan(t.Context(), id, engine.Cancellation{Actor: by, Force: force}); err != nil {
				t.Fatal(err)
			}
			for who, e := range map[string]*durable.Engine{"conductor": conductor, "guest": guest} {
				r, err := e.Wait(t.Context(), id)
				if err != nil || r.Status != engine.Cancelled || r.CancelledBy != by || r.Plan == nil {
					t.Fatalf("%s: %s by %v, %v", who, r.Status, r.CancelledBy, err)
				}
				if s := r.Plan.Stats; s.Completed != 1 || s.Cancelled != 1 || s.Skipped != 1 {
					t.Errorf("%s: %+v", who, s)
				}
			}
		})
	}
}
