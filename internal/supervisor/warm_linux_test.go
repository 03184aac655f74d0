package supervisor_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/supervisor"
)

// supervisors are the supervisors that this process has started and that live.
func supervisors() (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range all {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), "(cloudops-superv) ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// await waits for a condition.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain: ", what)
		}
	}
}

// A supervisor waits for the next execution, another takes its place, one that was ended
// while it waited is no loss, and none stays when the runner is closed. Not parallel: it
// looks at all that there are.
func TestRunner_KeepsOneWarm(t *testing.T) {
	await(t, "the end of those of other tests", func() bool { return len(supervisors()) == 0 })
	r, err := supervisor.New(supervisor.Options{Dir: t.TempDir(), Warm: 1})
	if err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, r)
	await(t, "one that is warm", func() bool { return len(supervisors()) == 1 })
	first := supervisors()
	g := newGate(t)
	id := start(t, e, sh("echo one; "+awaitGate, string(g)), "one")
	await(t, "another", func() bool { return len(supervisors()) == 2 })
	rest := slices.DeleteFunc(supervisors(), func(pid int) bool { return pid == first[0] })
	kill(t, rest[0])
	await(t, "its end", func() bool { return len(supervisors()) == 1 })
	for range 2 {
		second := start(t, e, sh("echo two"), "two")
		wait(t, e, second)
	}
	g.open(t)
	wait(t, e, id)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "the end of all", func() bool { return len(supervisors()) == 0 })
}
