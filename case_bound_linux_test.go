package engine_test

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// enforcing opens an engine on a machine that can limit something.
func enforcing(t *testing.T, limit string) *engine.Engine {
	t.Helper()
	e := open(t, engine.Config{Grace: 200 * time.Millisecond})
	for _, l := range e.Capabilities().Limits {
		if l.Limit == limit && l.By == "" {
			t.Skipf("%s cannot be limited here: %s", limit, l.Why)
		}
	}
	return e
}

// hog is a line of the shell that wants far more memory than it may have.
const hog = `x=$(head -c 300000000 /dev/zero | tr '\0' x); echo survived ${#x}`

func TestLIM06_MemoryHog(t *testing.T) {
	t.Parallel()
	e := enforcing(t, "memory_bytes")
	request := bash(hog)
	request.Limits.MemoryBytes = 64 << 20
	id, other := start(t, e, request), start(t, e, bash("sleep 0.3; echo unaffected"))
	r := end(t, e, id)
	wantEnding(t, r, ending{engine.Failed, engine.CauseMemoryLimit, false, engine.Actor{}})
	if strings.Contains(r.Stdout, "survived") || !slices.Equal(r.LimitsHit, []string{"memory_bytes"}) {
		t.Errorf("want it killed at its limit; got %q, limits hit %v", r.Stdout, r.LimitsHit)
	}
	if !strings.Contains(r.Error, "memory") {
		t.Errorf("the error is %q", r.Error)
	}
	if r := end(t, e, other); r.Stdout != "unaffected\n" {
		t.Errorf("another was hit: %s, %q", r.Status, r.Stdout)
	}
}

// Killed from outside, or out of memory without a limit of ours: told apart.
func TestLIM06_AKillFromOutsideIsASignal(t *testing.T) {
	t.Parallel()
	e := enforcing(t, "memory_bytes")
	request := bash("kill -KILL $$")
	request.Limits.MemoryBytes = 64 << 20
	r := do(t, e, request)
	wantEnding(t, r, ending{engine.Failed, engine.CauseSignal, false, engine.Actor{}})
	if r.LimitsHit != nil {
		t.Errorf("limits hit: %v", r.LimitsHit)
	}
}

func TestLIM08_ForkBomb(t *testing.T) {
	t.Parallel()
	e, g := enforcing(t, "processes"), plant(t)
	request := g.bash("f(){ f|f& };f; " + loop)
	request.Limits.Processes = 200
	id := start(t, e, request)
	become(t, "fork bomb", func() bool { return len(g.pids()) > 100 })
	until(t, e, id, func(ev engine.Event) bool { return strings.Contains(string(ev.Line), "fork") }) // it is refused another
	for range 20 {
		if n := len(g.pids()); n > 200 {
			t.Errorf("%d processes, and 200 are allowed", n)
		}
		if _, err := e.Status(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	if r := do(t, e, bash("echo forks")); r.Stdout != "forks\n" {
		t.Errorf("the rest of the machine forks no more: %s", r.Error)
	}
	r := stopped(t, e, id)
	if r.Status != engine.Cancelled || !slices.Contains(r.LimitsHit, "processes") {
		t.Errorf("want it cancelled, and its limit hit; got %s, %v", r.Status, r.LimitsHit)
	}
	g.ended(t)
}

func TestLimits_ProcessLimitIsTheCauseOfAFailure(t *testing.T) {
	t.Parallel()
	e := enforcing(t, "processes")
	request := engine.Request{Command: engine.Exec("sh", "-c", "for i in 1 2 3; do sleep 300 >/dev/null 2>&1 & done; wait")}
	request.Limits.Processes = 2
	r := do(t, e, request)
	wantEnding(t, r, ending{engine.Failed, engine.CauseProcessLimit, false, engine.Actor{}})
}

// A machine without cgroups: what cannot be limited is refused by name, unless the
// best that can be done will do.
func TestPLAT05_NoCgroups(t *testing.T) {
	t.Parallel()
	if os.Getenv("CLOUDOPS_TEST_ROOT") != "1" {
		t.Skip("needs root to take the cgroups away: make test-root")
	}
	const inside = "ENGINE_TEST_WITHOUT_CGROUPS"
	if os.Getenv(inside) == "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "unshare", "-m", "sh", "-c",
			`umount -R /sys/fs/cgroup && exec "$0" -test.run '^(TestTREE|TestLIM0[1-5]|TestPLAT05|TestLeftovers)' -test.v`, self)
		cmd.Env = append(os.Environ(), inside+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("without cgroups: %v\n%s", err, out)
		}
		if !strings.Contains(string(out), "--- PASS: TestPLAT05_NoCgroups") {
			t.Errorf("it did not run:\n%s", out)
		}
		return
	}
	e := open(t, engine.Config{})
	can := e.Capabilities()
	if can.Containment == engine.ContainmentCgroup || can.WhyNotStronger == "" {
		t.Errorf("capabilities are %+v", can)
	}
	request := bash("echo ran")
	request.Limits = engine.Limits{MemoryBytes: 64 << 20, CPUs: 1, Processes: 10}
	_, err := e.Execute(t.Context(), request)
	for _, name := range []string{"memory_bytes", "cpus", "processes"} {
		if !errors.Is(err, engine.ErrUnsupported) || !strings.Contains(err.Error(), name) {
			t.Errorf("want %s refused, got %v", name, err)
		}
	}
	request.Limits.BestEffort = true
	r := do(t, e, request)
	if r.Stdout != "ran\n" || !slices.Equal(r.Unenforced, []string{"memory_bytes", "cpus", "processes"}) {
		t.Errorf("with best effort: %q, unenforced %v", r.Stdout, r.Unenforced)
	}
	if _, err := engine.New(engine.Config{Containment: engine.ContainmentCgroup}); !errors.Is(err, engine.ErrUnsupported) {
		t.Errorf("cgroups asked for: %v", err)
	}
}

func TestLimits_BelowTheLeastAreRefused(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	for name, limits := range map[string]engine.Limits{
		"memory_bytes": {MemoryBytes: 1 << 20},
		"cpus":         {CPUs: 0.001},
		"processes":    {Processes: -1},
		"open_files":   {OpenFiles: 3},
	} {
		request := bash("true")
		request.Limits = limits
		if _, err := e.Execute(t.Context(), request); !errors.Is(err, engine.ErrInvalid) || !strings.Contains(err.Error(), "limits."+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	request := bash("true")
	request.Limits.OpenFiles = 1 << 40
	if _, err := e.Execute(t.Context(), request); !errors.Is(err, engine.ErrUnsupported) {
		t.Errorf("more files than we may have ourselves: %v", err)
	}
}
