package process_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// What a spec asks for holds below a reaper as it does without.
func TestReaper_PassesOnLimitsTerminalAndPrivileges(t *testing.T) {
	t.Parallel()
	table := openAs(t, process.InReaper)
	spec := sh("ulimit -n; grep NoNewPrivs /proc/self/status; test -t 0 && test -t 1 && tty -s && stty size")
	spec.Limits.OpenFiles, spec.NoNewPrivileges, spec.Terminal = 64, true, &process.Size{Rows: 11, Cols: 22}
	if got, want := strings.ReplaceAll(said(t, table, spec), "\r", ""), "64\nNoNewPrivs:\t1\n11 22\n"; got != want {
		t.Errorf("it said %q, want %q", got, want)
	}
}

func TestReaper_KeepsATreeWithinItsLimits(t *testing.T) {
	t.Parallel()
	table := openAs(t, process.InReaper)
	enforced(t, table, process.Memory)
	spec := fixture(t, "hog")
	spec.Limits.MemoryBytes = 64 << 20
	p, w := start(t, table, spec)
	within(t, "end", w.ended)
	if w.state.Signal != syscall.SIGKILL || !p.Hits().Memory {
		t.Errorf("it ended by %+v, hits %+v", w.state, p.Hits())
	}
}

// The leader alone hears, though its number is the reaper's to signal.
func TestReaper_SignalsTheLeaderAlone(t *testing.T) {
	t.Parallel()
	table := openAs(t, process.InReaper)
	p, w := start(t, table, sh(`trap 'echo leader' TERM; sh -c 'trap "echo child" TERM; echo up; while :; do sleep 0.01; done' & while :; do sleep 0.01; done`))
	within(t, "line", w.lines)
	if err := p.SignalLeader(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if line := within(t, "line", w.lines); line != "leader" {
		t.Errorf("%q heard it", line)
	}
	p.EndRest()
	_ = p.Signal(syscall.SIGKILL)
	within(t, "end", w.ended)
	if got := w.text(process.Stdout); strings.Contains(got, "child") {
		t.Errorf("a child heard it too: %q", got)
	}
}
