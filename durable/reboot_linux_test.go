package durable_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// The machine is started again while much runs: here everybody is killed who ran it, and
// what the folders say of the start of the machine is another. All is lost at once,
// nothing is run again, and whoever has the numbers, the cgroups and even the marks of
// then is a stranger, and left alone.
func TestReboot_LosesWhatRanAndTouchesNobody(t *testing.T) {
	t.Parallel()
	const n = 20
	dir := place(t)
	ran := filepath.Join(t.TempDir(), "ran")
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("echo %d >>%s; echo here; exec sleep 600", i, ran)
	}
	p := startProgram(t, dir, "group", lines...)
	looker := open(t, dir, durable.Config{Guest: true})
	for _, id := range p.ids {
		printed(t, looker, id, "here")
	}
	shut(t, looker)
	p.kill(t)
	strangers := powerOff(t, dir, p.ids)

	begin := time.Now()
	e := open(t, dir, durable.Config{Engine: engine.Config{MaxConcurrent: 40}})
	lost, err := e.List(t.Context(), engine.Filter{Status: []engine.Status{engine.Lost}})
	t.Logf("%d lost after %v", len(lost.Executions), time.Since(begin))
	if err != nil || len(lost.Executions) != n {
		t.Errorf("%d are lost, %v", len(lost.Executions), err)
	}
	for _, id := range p.ids {
		r := wait(t, e, id)
		if r.Status != engine.Lost || r.Stdout != "here\n" || r.Swept != 0 || !strings.Contains(r.Error, "started again") {
			t.Errorf("%s ended as %s with %q, %d swept: %s", id, r.Status, r.Stdout, r.Swept, r.Error)
		}
	}
	for _, pid := range strangers {
		if !isThere(pid) {
			t.Errorf("process %d was ended", pid)
		}
	}
	if text, err := os.ReadFile(ran); err != nil || strings.Count(string(text), "\n") != n {
		t.Errorf("they ran as %q, %v", text, err)
	}
}

// powerOff kills who runs executions, and has their folders say that it was before the
// machine was started. It returns the processes that are left, until the end of the test.
func powerOff(t *testing.T, dir string, ids []engine.ID) (left []int) {
	t.Helper()
	for _, id := range ids {
		d := describedIn(t, dir, id)
		killPid(t, d.Keeper.Pid)
		redescribe(t, dir, id, func(keeper map[string]any) { keeper["boot"] = "a start before this one" })
		for _, name := range marked(d.Mark) {
			pid, err := strconv.Atoi(name)
			if err != nil {
				t.Fatal(err)
			}
			left = append(left, pid)
		}
	}
	t.Cleanup(func() {
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	if len(left) < len(ids) {
		t.Fatalf("only %d processes are left of %d executions: this proves little", len(left), len(ids))
	}
	return left
}
