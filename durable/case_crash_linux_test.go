package durable_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// CRASH-01: the engine is killed while a command runs. It runs on; the next engine has all
// of its output, and can cancel it.
func TestCRASH01_CommandOutlivesItsEngine(t *testing.T) {
	t.Parallel()
	dir := place(t)
	p := startProgram(t, dir, "owner", "echo one; setsid sleep 600 & echo two; sleep 600")
	startedIn(t, dir, p.ids[0])
	p.kill(t)
	e := open(t, dir, durable.Config{})
	if s, err := e.Status(t.Context(), p.ids[0]); err != nil || s != engine.Running {
		t.Errorf("it is %s, %v", s, err)
	}
	printed(t, e, p.ids[0], "two")
	d := describedIn(t, dir, p.ids[0])
	if err := e.Cancel(t.Context(), p.ids[0], engine.Cancellation{}); err != nil {
		t.Fatal(err)
	}
	if r := wait(t, e, p.ids[0]); r.Status != engine.Cancelled || r.Stdout != "one\ntwo\n" {
		t.Errorf("it ended as %s with %q", r.Status, r.Stdout)
	}
	if left := marked(d.Mark); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// printed waits until an execution has written a line.
func printed(t *testing.T, e engine.API, id engine.ID, line string) {
	t.Helper()
	for ev, err := range e.Watch(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if string(ev.Line) == line {
			return
		}
	}
	t.Fatalf("it ended without %q", line)
}

// marked are the processes that carry an entry in their environment.
func marked(mark string) (pids []string) {
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range all {
		environ, err := os.ReadFile(path)
		if err == nil && slices.ContainsFunc(bytes.Split(environ, []byte{0}), func(e []byte) bool { return string(e) == mark }) {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}

// CRASH-02: killed while the command writes. Where it is the engine, nothing is missing;
// where it is the supervisor, what is kept is a beginning, and the end is no success.
func TestCRASH02_OutputIsAPrefix(t *testing.T) {
	t.Parallel()
	const forever = `i=0; while :; do echo "line $i"; i=$((i+1)); done`
	dir := place(t)
	p := startProgram(t, dir, "owner", forever)
	second := open(t, dir, durable.Config{Guest: true})
	printed(t, second, p.ids[0], "line 100")
	p.kill(t)
	printed(t, second, p.ids[0], "line 2000")
	killPid(t, describedIn(t, dir, p.ids[0]).Keeper.Pid)
	if r := wait(t, second, p.ids[0]); r.Status != engine.Lost || r.Success || r.ExitCode != -1 || r.Signal != "" {
		t.Errorf("it ended as %+v", r.Status)
	}
	var all []byte
	for o, err := range second.Output(t.Context(), p.ids[0], 0) {
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, o.Data...); len(all) > 1<<20 {
			break // enough, and before a limit may have left something out
		}
	}
	lines := strings.SplitAfter(string(all), "\n")
	for i, line := range lines[:len(lines)-1] {
		if line != fmt.Sprintf("line %d\n", i) {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	if len(lines) < 2000 {
		t.Errorf("only %d lines are there", len(lines))
	}
}

// CRASH-04: an id that was told is known, however soon after it the program was killed.
func TestCRASH04_AcknowledgedIsKept(t *testing.T) {
	t.Parallel()
	rounds := 20
	if full() {
		rounds = 1000
	}
	dir := place(t)
	var told []engine.ID
	for range rounds {
		p := startProgram(t, dir, "owner", "exit 3")
		p.kill(t)
		told = append(told, p.ids[0])
	}
	e := open(t, dir, durable.Config{})
	for _, id := range told {
		if r := wait(t, e, id); r.ExitCode != 3 {
			t.Errorf("execution %s ended as %s, %s", id, r.Status, r.Error)
		}
	}
}

// CRASH-11: what ran it has gone, and its number is a stranger's by now. The stranger
// lives, and the execution is lost.
func TestCRASH11_StrangersAreLeftAlone(t *testing.T) {
	t.Parallel()
	dir := place(t)
	p := startProgram(t, dir, "guest", "echo here; sleep 600")
	id := p.ids[0]
	hasPrinted(t, dir, id, "here")
	p.kill(t)
	killPid(t, describedIn(t, dir, id).Keeper.Pid)
	stranger := startProgram(t, place(t), "guest") // it has nothing to do with it
	redescribe(t, dir, id, func(keeper map[string]any) { keeper["pid"] = stranger.Process.Pid })
	e := open(t, dir, durable.Config{})
	if r := wait(t, e, id); r.Status != engine.Lost || r.Stdout != "here\n" {
		t.Errorf("it is %s, with %q", r.Status, r.Stdout)
	}
	if !isThere(stranger.Process.Pid) {
		t.Error("the stranger was ended")
	}
}

// CRASH-12: a lock counts and not what is in its file, nor a socket that nobody has.
func TestCRASH12_LeftoversOfTheDeadKeepNobodyOut(t *testing.T) {
	t.Parallel()
	dir := place(t)
	p := startProgram(t, dir, "owner", "sleep 600")
	startedIn(t, dir, p.ids[0])
	p.kill(t)
	for _, name := range []string{"owner.lock", "janitor.lock"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	running(t, open(t, dir, durable.Config{Guest: true}), p.ids[0])
	d := describedIn(t, dir, p.ids[0])
	killPid(t, d.Keeper.Pid)
	e := open(t, dir, durable.Config{})
	if !e.Report().Owner {
		t.Error("a dead owner is believed to live")
	}
	if r := wait(t, e, p.ids[0]); r.Status != engine.Lost {
		t.Errorf("it is %s", r.Status)
	}
	if _, err := os.Lstat(d.Socket); err == nil {
		t.Errorf("%s is left", d.Socket)
	}
}

// CRASH-13: one program starts what waits, be it that it hangs. The other says so and can
// do what a guest can.
func TestCRASH13_SecondOwnerIsAGuest(t *testing.T) {
	t.Parallel()
	dir := place(t)
	p := startProgram(t, dir, "one", "sleep 600", "echo waits")
	e := open(t, dir, durable.Config{})
	eventually(t, "the owner has nothing to write any more", func() bool {
		rec, err := e.Record(t.Context(), p.ids[0])
		return err == nil && rec.Execution.Status == engine.Running
	})
	if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	shut(t, e)
	e = open(t, dir, durable.Config{})
	if e.Report().Owner {
		t.Error("there are two owners")
	}
	running(t, e, p.ids[0])
	if s, err := e.Status(t.Context(), p.ids[1]); err != nil || s != engine.Pending {
		t.Errorf("what waits is %s, %v", s, err)
	}
	if r := wait(t, e, start(t, e, shell("echo mine"))); r.Stdout != "mine\n" {
		t.Errorf("%+v", r)
	}
}

// CRASH-12: who is killed while it starts something leaves its lock, for a moment, to what
// it starts. The next is the owner all the same.
func TestCRASH12_LockOfTheDeadIsWaitedFor(t *testing.T) {
	t.Parallel()
	dir := place(t)
	shut(t, open(t, dir, durable.Config{}))
	lock, err := os.OpenFile(filepath.Join(dir, "owner.lock"), os.O_RDWR, 0)
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX) // other tests start something too
	}
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() {
		_ = syscall.Flock(int(lock.Fd()), syscall.LOCK_UN) // what other tests just start has the file too
		_ = lock.Close()
	})
	if e := open(t, dir, durable.Config{}); !e.Report().Owner {
		t.Error("nobody starts what waits")
	}
}

// CRASH-16: a directory is made for us alone. One that cannot be written to is refused
// with what to do.
func TestCRASH16_DirectoryIsMadeOrRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(place(t), "deeper")
	shut(t, open(t, dir, durable.Config{}))
	if at, err := os.Stat(dir); err != nil || at.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", at.Mode(), err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := durable.Open(t.Context(), file, durable.Config{}); err == nil || engine.Hint(err) == "" {
		t.Errorf("a file is no directory: %v, %q", err, engine.Hint(err))
	}
	if os.Getuid() == 0 {
		return // to whom every directory can be written
	}
	locked := t.TempDir()
	if err := os.Chmod(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := durable.Open(t.Context(), locked, durable.Config{}); err == nil || engine.Hint(err) == "" {
		t.Errorf("it cannot be written to: %v, %q", err, engine.Hint(err))
	}
}

// CRASH-17: where memory runs out the command goes before its supervisor does.
func TestCRASH17_CommandGoesFirst(t *testing.T) {
	t.Parallel()
	dir := place(t)
	e := open(t, dir, durable.Config{})
	path, open1 := gate(t)
	id := start(t, e, shell("cat /proc/self/oom_score_adj; until [ -e %s ]; do sleep 0.02; done", path))
	running(t, e, id)
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", describedIn(t, dir, id).Keeper.Pid))
	if err != nil {
		t.Fatal(err)
	}
	open1()
	ours, err := strconv.Atoi(strings.TrimSpace(string(text)))
	theirs, also := strconv.Atoi(strings.TrimSpace(wait(t, e, id).Stdout))
	if err != nil || also != nil || theirs < min(ours+100, 1000) {
		t.Errorf("the command has %d, its supervisor %d; %v, %v", theirs, ours, err, also)
	}
}

// CRASH-18: who only looks may be killed.
func TestCRASH18_WatcherIsNotMissed(t *testing.T) {
	t.Parallel()
	dir := place(t)
	path, open1 := gate(t)
	e := open(t, dir, durable.Config{})
	id := start(t, e, shell("echo one; until [ -e %s ]; do sleep 0.02; done; echo two", path))
	running(t, e, id)
	watcher := startProgram(t, dir, "guest")
	watcher.kill(t)
	open1()
	if r := wait(t, e, id); r.ExitCode != 0 || r.Stdout != "one\ntwo\n" {
		t.Errorf("%+v", r)
	}
}

// CRASH-21: what waits survives, runs in its order, and once.
func TestCRASH21_QueueSurvives(t *testing.T) {
	t.Parallel()
	dir := place(t)
	path, open1 := gate(t)
	ran := filepath.Join(filepath.Dir(path), "ran")
	lines := []string{fmt.Sprintf("until [ -e %s ]; do sleep 0.02; done; echo 0 >>%s", path, ran)}
	for i := range 3 {
		lines = append(lines, fmt.Sprintf("echo %d >>%s", i+1, ran))
	}
	p := startProgram(t, dir, "one", lines...)
	p.kill(t)
	e := open(t, dir, programConfig("one"))
	if found := e.Report(); found.Queued < 3 { // and the first, if it was killed before that was started
		t.Errorf("found %+v", found)
	}
	open1()
	for _, id := range p.ids {
		if r := wait(t, e, id); !r.Success {
			t.Errorf("%+v", r)
		}
	}
	if text, err := os.ReadFile(ran); err != nil || string(text) != "0\n1\n2\n3\n" {
		t.Errorf("ran as %q, %v", text, err)
	}
}
