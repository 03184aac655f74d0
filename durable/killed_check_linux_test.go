package durable_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// seen is what was seen of an execution that was accepted.
type seen struct {
	ending string // empty: none yet
	whole  string // the same with all that it has
}

// end has an ending be seen, and fails if it was another.
func (s *seen) end(t *testing.T, id engine.ID, ending string) {
	t.Helper()
	if s.ending != "" && s.ending != ending {
		t.Errorf("execution %s had ended as %q, and now as %q", id, s.ending, ending)
	}
	s.ending = ending
}

// result has the result of an execution be seen.
func (s *seen) result(t *testing.T, r *engine.Result) {
	t.Helper()
	s.end(t, r.ID, fmt.Sprint(r.Status, " ", r.ExitCode))
	whole := fmt.Sprintln(r.Cause, r.Signal, r.StartedAt.UnixMicro(), r.CompletedAt.UnixMicro(), r.Swept, r.Stdout, r.Stderr)
	if s.whole != "" && s.whole != whole {
		t.Errorf("execution %s had ended as %.300q, and now as %.300q", r.ID, s.whole, whole)
	}
	s.whole = whole
}

// check opens the directory after somebody was killed, as the next owner or as a guest
// before that, and looks whether all that was acknowledged is there and nothing is said
// that is not so.
func (k *killed) check() {
	k.t.Helper()
	c := killConfig(k.held)
	c.Guest = rand.IntN(2) == 0
	e, err := durable.Open(k.t.Context(), filepath.Join(k.dir, "state"), c)
	if err != nil {
		k.t.Fatal(err)
	}
	defer shut(k.t, e)
	all, err := e.List(k.t.Context(), engine.Filter{Limit: 1000, Status: []engine.Status{engine.Pending, engine.Running}})
	if err != nil {
		k.t.Fatal(err)
	}
	for i := range all.Executions { // there may be some that nobody has said were accepted
		if id := all.Executions[i].ID; k.seen[id] == nil {
			k.seen[id] = &seen{}
		}
	}
	for id, s := range k.seen {
		if s.whole == "" || rand.IntN(len(k.seen)) < 3 { // what has ended for long is looked at now and then
			k.checkOne(e, id, s)
		}
	}
	k.checkOrphans()
}

// checkOne looks at one execution.
func (k *killed) checkOne(e *durable.Engine, id engine.ID, s *seen) {
	k.t.Helper()
	ctx := k.t.Context()
	x, err := e.Get(ctx, id)
	switch {
	case err != nil:
		k.t.Errorf("execution %s was acknowledged: %v", id, err)
	case x.Status.Terminal():
		r, err := e.Result(ctx, id)
		if err != nil {
			k.t.Errorf("the result of execution %s: %v", id, err)
			return
		}
		s.result(k.t, &r)
	case s.ending != "":
		k.t.Errorf("execution %s had ended as %s, and is %s", id, s.ending, x.Status)
	case x.Status == engine.Running:
		k.checkRuns(e, id)
		if x.Metadata.Tags["kind"] == "hanging" && rand.IntN(2) == 0 {
			if err := e.Cancel(ctx, id, engine.Cancellation{}); err != nil && !errors.Is(err, engine.ErrFinished) {
				k.t.Error(err)
			}
		}
	}
}

// checkRuns fails if nobody runs what is said to run.
func (k *killed) checkRuns(e *durable.Engine, id engine.ID) {
	k.t.Helper()
	var d described
	f, err := folders(k.t, filepath.Join(k.dir, "state")).Find(id.String())
	if err == nil {
		err = f.Description(&d)
	}
	if err == nil && isSupervisor(d.Keeper.Pid) {
		return
	}
	ctx, cancel := context.WithTimeout(k.t.Context(), 20*time.Second)
	defer cancel()
	if _, also := e.Wait(ctx, id); also != nil { // or it ends at this moment
		k.t.Errorf("execution %s is running, and nobody runs it: %d, %v, %v", id, d.Keeper.Pid, err, also)
	}
}

// checkOrphans fails if there is a process of what has ended.
func (k *killed) checkOrphans() {
	k.t.Helper()
	for _, p := range processes(k.dir) {
		id, err := engine.ParseID(p.env("CEE_EXECUTION_ID"))
		if s := k.seen[id]; err == nil && s != nil && s.whole != "" {
			k.t.Errorf("execution %s has ended (%.100q), and process %d, %s, is there", id, s.whole, p.pid, p.name)
		}
	}
}

// checkLast has all that was accepted end, and looks at each.
func (k *killed) checkLast() {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), 5*time.Minute)
	defer cancel()
	e, err := durable.Open(ctx, filepath.Join(k.dir, "state"), killConfig(k.held))
	if err != nil {
		k.t.Fatal(err)
	}
	kinds := k.cancelHanging(ctx, e)
	lost := 0
	for id, s := range k.seen {
		r, err := e.Wait(ctx, id)
		if err != nil {
			k.t.Fatalf("%s execution %s does not end: %v", kinds[id], id, err)
		}
		s.result(k.t, &r)
		if k.checkTruth(&r, kinds[id]) {
			lost++
		}
	}
	if lost > k.shot {
		k.t.Errorf("%d executions are lost, and %d supervisors were killed", lost, k.shot)
	}
	k.checkOrphans()
	if err := e.Check(ctx); err != nil {
		k.t.Errorf("the directory is not whole: %v", err)
	}
	shut(k.t, e)
	k.checkLeft()
}

// checkLeft fails if there is something left of executions that have ended, beside their
// folders.
func (k *killed) checkLeft() {
	k.t.Helper()
	all := folders(k.t, filepath.Join(k.dir, "state"))
	for id := range k.seen {
		var d described
		f, err := all.Find(id.String())
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was never started
		}
		if err == nil {
			err = f.Description(&d)
		}
		if err != nil {
			k.t.Error(err)
		}
		for _, path := range []string{d.Cgroup, d.Socket} {
			if _, err := os.Lstat(path); path != "" && err == nil {
				k.t.Errorf("execution %s has ended, and %s is there", id, path)
			}
		}
	}
	n, err := takenSlots(filepath.Join(k.dir, "state"))
	claims, also := os.ReadDir(filepath.Join(k.dir, "state", "claims"))
	if n > 0 || len(claims) > 0 || err != nil || also != nil {
		k.t.Errorf("%d slots and %d claims are taken, %v, %v", n, len(claims), err, also)
	}
}

// cancelHanging cancels what would not end, and keep what waits from its start, and returns
// what kind everything is of.
func (k *killed) cancelHanging(ctx context.Context, e *durable.Engine) map[engine.ID]string {
	k.t.Helper()
	kinds := make(map[engine.ID]string)
	for id := range k.seen {
		x, err := e.Get(ctx, id)
		if err != nil {
			k.t.Fatalf("execution %s: %v", id, err)
		}
		kinds[id] = x.Metadata.Tags["kind"]
		if kinds[id] == "hanging" && !x.Status.Terminal() {
			if err := e.Cancel(ctx, id, engine.Cancellation{}); err != nil && !errors.Is(err, engine.ErrFinished) {
				k.t.Error(err)
			}
		}
	}
	return kinds
}

// checkTruth fails if the result is not what the command did, and reports whether
// nobody knows what it did.
func (k *killed) checkTruth(r *engine.Result, kind string) (lost bool) {
	k.t.Helper()
	w := works()[kind]
	runs, err := os.ReadFile(filepath.Join(k.dir, "runs", r.ID.String()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		k.t.Error(err)
	}
	wrote, err := os.ReadFile(filepath.Join(k.dir, "out", r.ID.String()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		k.t.Error(err)
	}
	n := strings.Count(string(runs), "run\n")
	isTrue := false
	switch r.Cause {
	case engine.CauseLost:
		isTrue, lost = n <= 1, true
	case engine.CauseSpawn: // its supervisor was killed before it had begun
		isTrue, lost = n == 0, true
	case engine.CauseCancel:
		isTrue = w.hangs && n <= 1
	case engine.CauseExit:
		isTrue = !w.hangs && n == 1 && r.ExitCode == w.code && r.Stdout == string(wrote) && r.Output.StdoutOmittedBytes == 0
	default:
	}
	if !isTrue {
		k.t.Errorf("%s execution %s was run %d times, and wrote %d bytes; it says %s by %s, code %d, %d bytes, incomplete: %t, %q",
			kind, r.ID, n, len(wrote), r.Status, r.Cause, r.ExitCode, len(r.Stdout), r.OutputIncomplete, r.Error)
	}
	return lost
}
