package supervisor_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/supervisor"
)

// Supervisors are killed at any moment, of the start and the end too. Each execution has
// one ending: its true one with all that it wrote, lost, or that it was not started; its
// folder says the same, and nobody is left. Not parallel: it kills all that there are.
func TestRunner_KilledAtAnyMoment(t *testing.T) {
	await(t, "the end of those of other tests", func() bool { return len(supervisors()) == 0 })
	rounds := 40
	if os.Getenv("CLOUDOPS_TEST_FULL") == "1" {
		rounds = 5000
	}
	dir := t.TempDir()
	e := newEngine(t, newRunner(t, dir))
	state, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	count := map[engine.Cause]int{}
	for range rounds {
		id, err := e.Execute(patient(t), sh(`echo one; setsid sleep 0.01 & echo two; exit 3`))
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(rand.N(25 * time.Millisecond))
		for _, pid := range supervisors() {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
		}
		result := wait(t, e, id)
		count[result.Cause]++
		switch result.Cause {
		case engine.CauseExit:
			if result.ExitCode != 3 || result.Stdout != "one\ntwo\n" {
				t.Errorf("it exited: %+v", result)
			}
		case engine.CauseLost:
			if !strings.HasPrefix("one\ntwo\n", result.Stdout) {
				t.Errorf("it is lost and wrote %q", result.Stdout)
			}
		case engine.CauseSpawn:
			if result.Stdout != "" {
				t.Errorf("it was not started and wrote %q", result.Stdout)
			}
			continue
		default:
			t.Errorf("it ended by %s: %+v", result.Cause, result)
		}
		var end engine.Ending
		f, err := state.Find(id.String())
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Ending(&end); err != nil || end.Cause != result.Cause {
			t.Errorf("the folder says %s, %v; the engine %s", end.Cause, err, result.Cause)
		}
		await(t, "the lock", func() bool { alive, err := f.Alive(); return !alive && err == nil })
		noneLeft(t, "CEE_EXECUTION_ID="+id.String())
	}
	t.Logf("endings: %v", count)
}

// The engine is killed at any moment, of a start too. What it had started goes on to its
// true ending, with all that it wrote; what it had not was never started. Nothing is lost:
// no supervisor was killed.
func TestRunner_EngineKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	rounds := 15
	if os.Getenv("CLOUDOPS_TEST_FULL") == "1" {
		rounds = 1000
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := newRunner(t, dir)
	state, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for range rounds {
		cmd := exec.CommandContext(t.Context(), self, dir, "echo one; sleep 0.02; echo two; exit 3")
		cmd.Env = append(os.Environ(), helperVariable+"=engine")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(5*time.Millisecond + rand.N(25*time.Millisecond))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		ids, err := state.Active()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range ids {
			count[foundAfterKill(t, r, state, name)]++
		}
		if len(ids) == 0 {
			count["nothing"]++
		}
	}
	t.Logf("left: %v", count)
}

// foundAfterKill finds an execution, and removes what is there of it.
func foundAfterKill(t *testing.T, r *supervisor.Runner, state *folder.State, name string) string {
	t.Helper()
	id, err := engine.ParseID(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := find(t, r, id)
	if errors.Is(err, engine.ErrNotFound) {
		return "never started"
	}
	if err != nil {
		t.Fatal(err)
	}
	if end, stdout := f.end(t); end.Cause != engine.CauseExit || end.ExitCode != 3 || stdout != "one\ntwo\n" {
		t.Errorf("want exit 3 of one, two; got %+v, %q", end, stdout)
	}
	on, err := state.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the lock", func() bool { got, err := on.Claim(); return got && err == nil })
	if err := on.Remove(); err != nil {
		t.Fatal(err)
	}
	return "exit"
}

// A supervisor whose disk is full goes on: what has no room is a gap, and the command has
// its true exit code.
func TestRunner_LivesOnAFullDisk(t *testing.T) {
	t.Parallel()
	if os.Getenv("CLOUDOPS_TEST_ROOT") != "1" {
		t.Skip("needs root to mount a small disk: CLOUDOPS_TEST_ROOT=1")
	}
	dir := t.TempDir()
	if err := syscall.Mount("small", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	e := newEngine(t, newRunner(t, dir))
	const wrote = 8 << 20
	id := start(t, e, sh(`echo one; head -c 8388608 /dev/zero; exit 9`), "one")
	result := wait(t, e, id)
	if result.ExitCode != 9 || result.Output.StdoutBytes != wrote+4 || result.Output.StdoutOmittedBytes == 0 {
		t.Errorf("want exit 9 of %d bytes, not all kept; got %d of %+v (%s)", wrote+4, result.ExitCode, result.Output, result.Error)
	}
	for _, err := range e.Watch(patient(t), id, 0) { // to the end
		if err != nil {
			t.Fatal(err)
		}
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "active", "*", "ending.json")); len(files) != 1 {
		t.Errorf("endings: %v", files)
	}
}
