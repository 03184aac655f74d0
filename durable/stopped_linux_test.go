package durable_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// Somebody has stopped a supervisor, or a program with executions of its own, as Ctrl-Z does.
// Nobody waits for it: what it runs is said to run, and never to be lost. It ends as it does
// when whoever keeps it goes on.
func TestOpen_GoesPastWhatIsStopped(t *testing.T) {
	t.Parallel()
	for _, as := range []string{"owner", "foreground"} {
		t.Run(as, func(t *testing.T) {
			t.Parallel()
			dir := place(t)
			path, open1 := gate(t)
			p := startProgram(t, dir, as, fmt.Sprintf("echo one; until [ -e %s ]; do sleep 0.02; done; echo two; exit 9", path))
			id := p.ids[0]
			hasPrinted(t, dir, id, "one")
			hasNoted(t, dir, id)
			if as == "owner" {
				p.kill(t)
			}
			goOn := stopped(t, describedIn(t, dir, id).Keeper.Pid)
			e := open(t, dir, durable.Config{})
			if r := e.Report(); r.Running != 1 || r.Unknown+r.Lost != 0 {
				t.Errorf("found %+v", r)
			}
			running(t, e, id)
			printed(t, e, id, "one")
			if all, err := e.List(t.Context(), engine.Filter{Status: []engine.Status{engine.Running}}); err != nil || len(all.Executions) != 1 {
				t.Errorf("%d run, %v", len(all.Executions), err)
			}
			goOn()
			open1()
			if r := wait(t, e, id); r.Status != engine.Failed || r.ExitCode != 9 || r.Stdout != "one\ntwo\n" {
				t.Errorf("it ended as %s with %d, %q", r.Status, r.ExitCode, r.Stdout)
			}
		})
	}
}

// What is asked of one that is stopped is done when it goes on.
func TestCancel_OfWhatIsStopped(t *testing.T) {
	t.Parallel()
	dir := place(t)
	p := startProgram(t, dir, "owner", "echo one; exec sleep 600")
	hasPrinted(t, dir, p.ids[0], "one")
	p.kill(t)
	goOn := stopped(t, describedIn(t, dir, p.ids[0]).Keeper.Pid)
	e := open(t, dir, durable.Config{})
	running(t, e, p.ids[0])
	asked := make(chan error, 1)
	go func() { asked <- e.Cancel(t.Context(), p.ids[0], engine.Cancellation{}) }()
	goOn()
	if err := <-asked; err != nil {
		t.Fatal(err)
	}
	if r := wait(t, e, p.ids[0]); r.Status != engine.Cancelled {
		t.Errorf("it ended as %s", r.Status)
	}
}

// hasPrinted is printed of a directory that is not open here.
func hasPrinted(t *testing.T, dir string, id engine.ID, line string) {
	t.Helper()
	looker := open(t, dir, durable.Config{Guest: true})
	printed(t, looker, id, line)
	shut(t, looker)
}

// hasNoted waits until the history knows that an execution runs: who runs it has nothing to
// write any more, and can be stopped without holding the history's lock.
func hasNoted(t *testing.T, dir string, id engine.ID) {
	t.Helper()
	looker := open(t, dir, durable.Config{Guest: true})
	eventually(t, "its start is noted", func() bool {
		rec, err := looker.Record(t.Context(), id)
		return err == nil && rec.Execution.Status == engine.Running
	})
	shut(t, looker)
}

// stopped stops a process until goOn is called, or the test ends.
func stopped(t *testing.T, pid int) (goOn func()) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	goOn = func() { _ = syscall.Kill(pid, syscall.SIGCONT) }
	t.Cleanup(goOn)
	eventually(t, "it stands still", func() bool {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return strings.Contains(string(stat), ") T ")
	})
	return goOn
}
