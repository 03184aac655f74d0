package durable_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
	"github.com/escher-dbai/cloudops-engine/history"
)

// gate is a file that a command waits for.
func gate(t *testing.T) (path string, open func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "gate")
	return path, func() {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func shell(format string, args ...any) engine.Request {
	return engine.Request{Command: engine.Shell(fmt.Sprintf(format, args...))}
}

func start(t *testing.T, e engine.API, r engine.Request) engine.ID {
	t.Helper()
	id, err := e.Execute(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func wait(t *testing.T, e engine.API, id engine.ID) engine.Result {
	t.Helper()
	r, err := e.Wait(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// running waits until it runs.
func running(t *testing.T, e engine.API, id engine.ID) {
	t.Helper()
	for ev, err := range e.Watch(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == engine.ExecutionStarted {
			return
		}
	}
	t.Fatal("it ended before it ran")
}

// What runs goes on when the program closes the directory, and the next to open it has
// its output from the first byte on, and its exit code.
func TestEngine_IsOutlivedByWhatRuns(t *testing.T) {
	t.Parallel()
	dir := place(t)
	path, open1 := gate(t)
	first := open(t, dir, durable.Config{})
	id := start(t, first, shell("echo before; until [ -e %s ]; do sleep 0.02; done; echo after; exit 7", path))
	running(t, first, id)
	shut(t, first)
	second := open(t, dir, durable.Config{})
	if r := second.Report(); !r.Owner || r.Running != 1 {
		t.Errorf("the next found %+v", r)
	}
	if s, err := second.Status(t.Context(), id); err != nil || s != engine.Running {
		t.Errorf("%v, %v", s, err)
	}
	open1()
	if r := wait(t, second, id); r.ExitCode != 7 || r.Stdout != "before\nafter\n" || r.Cause != engine.CauseExit {
		t.Errorf("it ended as %+v", r)
	}
}

// What ended while nobody looked is known to the next.
func TestEngine_LearnsWhatEndedMeanwhile(t *testing.T) {
	t.Parallel()
	dir := place(t)
	path, open1 := gate(t)
	done := filepath.Join(filepath.Dir(path), "done")
	first := open(t, dir, durable.Config{})
	id := start(t, first, shell("until [ -e %s ]; do sleep 0.02; done; echo done; touch %s; exit 3", path, done))
	running(t, first, id)
	shut(t, first)
	open1()
	for {
		if _, err := os.Stat(done); err == nil {
			break
		}
		<-time.After(time.Millisecond)
	}
	second := open(t, dir, durable.Config{})
	if r := wait(t, second, id); r.ExitCode != 3 || r.Stdout != "done\n" {
		t.Errorf("it ended as %+v", r)
	}
}

// A guest sees, follows and cancels what the owner runs, and what waits in its queue.
func TestGuest_CancelsWhatOthersRun(t *testing.T) {
	t.Parallel()
	dir := place(t)
	owner := open(t, dir, durable.Config{Engine: engine.Config{MaxConcurrent: 1}})
	runs := start(t, owner, shell("echo here; exec sleep 60"))
	running(t, owner, runs)
	waits := start(t, owner, shell("echo never"))
	guest := open(t, dir, durable.Config{Guest: true})
	if guest.Report().Owner {
		t.Error("a guest is the owner")
	}
	ann := engine.Cancellation{Actor: engine.Actor{Kind: engine.Human, Name: "ann"}}
	for _, id := range []engine.ID{waits, runs} {
		if err := guest.Cancel(t.Context(), id, ann); err != nil {
			t.Fatal(err)
		}
		for name, e := range map[string]engine.API{"guest": guest, "owner": owner} {
			if r := wait(t, e, id); r.Status != engine.Cancelled || r.CancelledBy.Name != "ann" {
				t.Errorf("the %s says %+v", name, r)
			}
		}
	}
}

// What a guest runs in the foreground ends with it, is recorded, and others follow it.
func TestForeground_IsFollowedByOthers(t *testing.T) {
	t.Parallel()
	dir := place(t)
	path, open1 := gate(t)
	here := open(t, dir, durable.Config{Guest: true, Foreground: true})
	var teed strings.Builder
	r := shell("read line; echo $line; until [ -e %s ]; do sleep 0.02; done; exit 5", path)
	r.StdinFrom = strings.NewReader("from a reader\n")
	r.Tee = func(_ engine.Stream, p []byte) { teed.Write(p) }
	id := start(t, here, r)
	running(t, here, id)
	there := open(t, dir, durable.Config{Guest: true})
	if s, err := there.Status(t.Context(), id); err != nil || s != engine.Running {
		t.Errorf("%v, %v", s, err)
	}
	open1()
	for name, e := range map[string]engine.API{"here": here, "there": there} {
		if r := wait(t, e, id); r.ExitCode != 5 || r.Stdout != "from a reader\n" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if teed.String() != "from a reader\n" {
		t.Errorf("the tee saw %q", teed.String())
	}
	shut(t, here)
	later := open(t, dir, durable.Config{Guest: true})
	if r := wait(t, later, id); r.ExitCode != 5 || r.Stdout != "from a reader\n" {
		t.Errorf("later: %+v", r)
	}
}

// Where as many run as may, a guest is refused, with the reason; an owner has it wait.
func TestGuest_IsRefusedWhereThereIsNoRoom(t *testing.T) {
	t.Parallel()
	dir := place(t)
	limits := engine.Config{MaxConcurrent: 1}
	first := open(t, dir, durable.Config{Guest: true, Engine: limits})
	start(t, first, shell("exec sleep 60"))
	second := open(t, dir, durable.Config{Guest: true, Engine: limits})
	_, err := second.Execute(t.Context(), shell("true"))
	if !errors.Is(err, engine.ErrConcurrencyLimit) || engine.Hint(err) == "" {
		t.Errorf("got %v, %q", err, engine.Hint(err))
	}
	if p, err := second.List(t.Context(), engine.Filter{}); err != nil || len(p.Executions) != 1 {
		t.Errorf("something of it was kept: %+v, %v", p, err)
	}
}

// One program starts what waits; a second that would finds itself a guest in that.
func TestOpen_HasOneOwner(t *testing.T) {
	t.Parallel()
	dir := place(t)
	first, second := open(t, dir, durable.Config{}), open(t, dir, durable.Config{})
	if !first.Report().Owner || second.Report().Owner {
		t.Errorf("%+v, %+v", first.Report(), second.Report())
	}
}

// A damaged history is set aside, and made anew of the folders.
func TestOpen_RebuildsADamagedHistory(t *testing.T) {
	t.Parallel()
	dir := place(t)
	first := open(t, dir, durable.Config{})
	r := shell("echo kept; exit 4")
	r.Metadata.Tags = map[string]string{"stage": "prod"}
	id := start(t, first, r)
	wait(t, first, id)
	shut(t, first)
	if err := os.WriteFile(filepath.Join(dir, "history.db"), []byte("this is no database, whatever it was"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := open(t, dir, durable.Config{})
	if r := second.Report(); r.HistorySetAside == "" || r.Rebuilt != 1 {
		t.Errorf("found %+v", r)
	}
	got := wait(t, second, id)
	if got.ExitCode != 4 || got.Stdout != "kept\n" {
		t.Errorf("%+v", got)
	}
	p, err := second.List(t.Context(), engine.Filter{Tags: map[string]string{"stage": "prod"}, Status: []engine.Status{engine.Failed}})
	if err != nil || len(p.Executions) != 1 || p.Executions[0].ID != id {
		t.Errorf("%+v, %v", p, err)
	}
}

// What is deleted is gone, output and all, and its id stays known.
func TestDelete_TakesTheOutputToo(t *testing.T) {
	t.Parallel()
	dir := place(t)
	e := open(t, dir, durable.Config{})
	id := start(t, e, shell("echo gone soon"))
	wait(t, e, id)
	if _, err := e.List(t.Context(), engine.Filter{}); err != nil { // the history has the ending
		t.Fatal(err)
	}
	if n, err := e.Delete(t.Context(), engine.Deletion{IDs: []engine.ID{id}}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	shut(t, e)
	later := open(t, dir, durable.Config{Guest: true})
	if _, err := later.Get(t.Context(), id); !errors.Is(err, engine.ErrExpired) {
		t.Errorf("its status: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", "*"+id.String()+"*"))
	more, err2 := filepath.Glob(filepath.Join(dir, "*", "*", "*"+id.String()+"*"))
	if left = append(left, more...); err != nil || err2 != nil || len(left) > 0 {
		t.Errorf("left: %v, %v, %v", left, err, err2)
	}
}

// Directories that are not ours are refused, with what to do, and stay as they were.
func TestOpen_RefusesWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	write := func(name, text string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		make func(t *testing.T, dir string)
		want error
	}{
		"something else": {write("thesis.tex", "…"), durable.ErrForeign},
		"a later one":    {write("cloudops-state", "2\n"), durable.ErrNewer},
		"another mark":   {write("cloudops-state", "hello"), durable.ErrForeign},
		"loose rights": {func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}, history.ErrUnsafe},
	} {
		dir := filepath.Join(t.TempDir(), "state")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		c.make(t, dir)
		_, err := durable.Open(t.Context(), dir, durable.Config{})
		if !errors.Is(err, c.want) || engine.Hint(err) == "" {
			t.Errorf("%s: %v, %q", name, err, engine.Hint(err))
		}
	}
}

// A limit that this machine cannot enforce is refused before anything starts, whoever
// will run it; with best effort the result says that it ran without.
func TestExecute_RefusesLimitsThatCannotBeEnforced(t *testing.T) {
	t.Parallel()
	e := open(t, place(t), durable.Config{})
	for _, l := range e.Capabilities().Limits {
		r := shell("true")
		switch l.Limit {
		case "memory_bytes":
			r.Limits.MemoryBytes = 64 << 20
		case "cpus":
			r.Limits.CPUs = 1
		case "processes":
			r.Limits.Processes = 50
		default:
			continue
		}
		r.Limits.BestEffort = true
		got := wait(t, e, start(t, e, r))
		if (l.By == "") != (len(got.Unenforced) == 1) || got.Status != engine.Completed {
			t.Errorf("%+v, best effort: %+v", l, got)
		}
		r.Limits.BestEffort = false
		switch _, err := e.Execute(t.Context(), r); {
		case l.By == "" && !errors.Is(err, engine.ErrUnsupported), l.By != "" && err != nil:
			t.Errorf("%+v: %v", l, err)
		}
	}
}

// A further program that would be the owner is a guest: had it a queue of its own, the next
// owner would start what waits there, and both would say how it ended.
func TestOpen_MakesAFurtherProgramAGuest(t *testing.T) {
	t.Parallel()
	dir := place(t)
	one := durable.Config{Engine: engine.Config{MaxConcurrent: 1}}
	first, second := open(t, dir, one), open(t, dir, one)
	running(t, first, start(t, first, shell("exec sleep 60")))
	if id, err := second.Execute(t.Context(), shell("true")); !errors.Is(err, engine.ErrConcurrencyLimit) {
		t.Errorf("%s was accepted, %v: nobody else would know that it waits here", id, err)
	}
	shut(t, first)
	third := open(t, dir, one)
	if r := third.Report(); !r.Owner || r.Queued != 0 {
		t.Errorf("the next owner found %+v", r)
	}
}

// What is to survive the end of the program alone is not synced, in folders as in the
// history.
func TestOpen_WaitsForTheDeviceAsAsked(t *testing.T) {
	t.Parallel()
	for d, want := range map[history.Durability]bool{"": false, history.PowerLoss: false, history.ProcessDeath: true} {
		for _, foreground := range []bool{false, true} {
			e := open(t, place(t), durable.Config{Guest: foreground, Foreground: foreground, Durability: d})
			id := start(t, e, shell("echo hello"))
			if r := wait(t, e, id); r.Stdout != "hello\n" {
				t.Errorf("%q: %+v", d, r)
			}
			if got, err := e.Relaxed(id); got != want || err != nil {
				t.Errorf("%q: relaxed is %t, %v", d, got, err)
			}
		}
	}
}

// Several requests are accepted by one call, by an owner and by a guest.
func TestExecuteBatch_TakesEachOnItsOwn(t *testing.T) {
	t.Parallel()
	dir := place(t)
	for what, e := range map[string]*durable.Engine{"the owner": open(t, dir, durable.Config{Owner: true}), "a guest": open(t, dir, durable.Config{Guest: true})} {
		outcomes := e.ExecuteBatch(t.Context(), []engine.Request{shell("echo 0"), {Command: engine.Exec("no-such-program-here")}, shell("echo 2"), shell("echo 3")})
		for i, o := range outcomes {
			if i == 1 && errors.Is(o.Err, engine.ErrProgramNotFound) {
				continue
			}
			if o.Err != nil {
				t.Errorf("%s: %d: %v", what, i, o.Err)
			} else if r := wait(t, e, o.ID); r.Stdout != fmt.Sprintln(i) {
				t.Errorf("%s: %d: %q", what, i, r.Stdout)
			}
		}
	}
}
