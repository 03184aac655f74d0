package engine_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// tooLong is far more than any ending here takes, and far less than what is
// ended would run.
const tooLong = time.Minute

// grove is the processes that carry a mark of one test in their environment.
type grove struct{ entry string }

const groveVariable = "ENGINE_TEST_GROVE"

// plant returns a mark of its own, whose processes do not outlive the test.
func plant(t *testing.T) grove {
	t.Helper()
	g := grove{groveVariable + "=" + strconv.FormatUint(rand.Uint64(), 36)}
	t.Cleanup(func() {
		for _, pid := range g.pids() {
			if p, err := os.FindProcess(pid); err == nil && slices.Contains(g.pids(), pid) {
				_ = p.Kill() // it may be gone
			}
		}
	})
	return g
}

// loop is what a leader with a trap does: bash can miss a signal that comes as
// its wait begins.
const loop = "while :; do sleep 0.02; done"

// bash is a request for a line whose processes are of the grove.
func (g grove) bash(line string, args ...string) engine.Request {
	r := bash(line, args...)
	name, value, _ := strings.Cut(g.entry, "=")
	r.Env = map[string]string{name: value}
	return r
}

func (g grove) pids() []int {
	return slices.DeleteFunc(everyPid(), func(pid int) bool { return !slices.Contains(zeroed(pid, "environ"), g.entry) })
}

// everyPid are all processes but this one.
func everyPid() (pids []int) {
	entries, _ := os.ReadDir("/proc") // it is there on Linux
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// zeroed is what a file of /proc has between NULs; nothing where the process is
// gone or a zombie.
func zeroed(pid int, file string) (fields []string) {
	data, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), file)) // it may be gone
	for field := range bytes.SplitSeq(bytes.TrimSuffix(data, []byte{0}), []byte{0}) {
		fields = append(fields, string(field))
	}
	return fields
}

// named counts the processes whose argv[0] is name.
func (g grove) named(name string) (n int) {
	for _, pid := range g.pids() {
		if zeroed(pid, "cmdline")[0] == name {
			n++
		}
	}
	return n
}

// stands waits until so many processes have a name.
func (g grove) stands(t *testing.T, n int, name string) {
	t.Helper()
	become(t, fmt.Sprintf("%d processes named %s", n, name), func() bool { return g.named(name) == n })
}

// ended checks that nothing is left of the grove: what was killed gets the
// moment that it needs.
func (g grove) ended(t *testing.T) {
	t.Helper()
	become(t, "an end of all of "+g.entry, func() bool { return len(g.pids()) == 0 })
}

// timesOut runs a line to its timeout, which is long enough for a process of that name to
// stand by then: how long a shell takes to get there is the machine's affair, and what it
// does with a signal on the way is its own. It returns the timeout too.
func (g grove) timesOut(t *testing.T, e *engine.Engine, line, name string) (engine.Result, time.Duration) {
	t.Helper()
	request := g.bash(line)
	for request.Timeout = 300 * time.Millisecond; ; request.Timeout *= 2 {
		id, stood := start(t, e, request), false
		become(t, name+", or an end", func() bool {
			stood = g.named(name) == 1
			return stood || get(t, e, id).Status.Terminal()
		})
		r := end(t, e, id)
		g.ended(t)
		if stood || request.Timeout > tooLong {
			return r, request.Timeout
		}
	}
}

// become waits for a condition that nothing tells of.
func become(t *testing.T, what string, condition func() bool) {
	t.Helper()
	patience := tooLong
	if full() { // ten times as much is to happen
		patience *= 10
	}
	for deadline := time.Now().Add(patience); !condition(); <-time.After(3 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s in %v", what, patience)
		}
	}
}

// stopped cancels an execution and returns how it ended, which may not take long.
func stopped(t *testing.T, e engine.API, id engine.ID) engine.Result {
	t.Helper()
	start := time.Now()
	cancel(t, e, id, engine.Cancellation{})
	r := end(t, e, id)
	if took := time.Since(start); took > tooLong || len(r.Survivors) > 0 {
		t.Errorf("want it ended soon and whole, took %v, survivors %v", took, r.Survivors)
	}
	return r
}

// wantCancelled checks an ending by a cancel that named nobody.
func wantCancelled(t *testing.T, r engine.Result, forced bool) {
	t.Helper()
	wantEnding(t, r, ending{engine.Cancelled, engine.CauseCancel, forced, engine.Actor{}})
}
