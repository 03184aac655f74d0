package durable_test

import (
	"bufio"
	"cmp"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// full says whether the slow proofs run in full.
func full() bool { return os.Getenv("CLOUDOPS_TEST_FULL") == "1" }

// CRASH-01, CRASH-02, CRASH-03, CRASH-04: engines are killed at random moments. What holds
// then is what [killed.check] and [killed.checkLast] look at.
func TestKilled_EnginesLoseNothing(t *testing.T) {
	t.Parallel()
	killAll(t, func(k *killed) {
		k.hear(rand.IntN(12)) // it may not even have opened the directory
		<-time.After(time.Duration(rand.IntN(40)) * time.Millisecond)
		k.points++
	})
}

// CRASH-03: supervisors are killed at random moments, and now and then their engine.
func TestKilled_SupervisorsTakeOnlyTheirOwn(t *testing.T) {
	t.Parallel()
	killAll(t, func(k *killed) {
		for end := k.points + 20; k.points < end; {
			k.hear(rand.IntN(6))
			<-time.After(time.Duration(rand.IntN(20)) * time.Millisecond)
			k.killSupervisor()
		}
	})
}

// killAll does in several directories what disturb does with an owner, which is killed
// then, until there were enough points: 150, or in full 10,000 and some.
func killAll(t *testing.T, disturb func(*killed)) {
	t.Helper()
	directories, points := 1, 50
	if full() {
		directories, points = 17, 200
	}
	for _, held := range []engine.Containment{engine.ContainmentAuto, engine.ContainmentReaper, engine.ContainmentGroup} {
		t.Run("held by "+cmp.Or(string(held), "the strongest"), func(t *testing.T) {
			t.Parallel()
			for range directories {
				killIn(t, held, points, disturb)
			}
		})
	}
}

// killIn does so in one directory.
func killIn(t *testing.T, held engine.Containment, points int, disturb func(*killed)) {
	t.Helper()
	k := newKilled(t, held)
	for k.points < points {
		k.start()
		disturb(k)
		k.kill(k.owner.Process.Pid)
		for k.hear(1) {
		}
		_ = k.owner.Wait() // it was killed
		k.check()
		if t.Failed() {
			t.FailNow()
		}
	}
	k.checkLast()
	t.Logf("%d points, %d executions, %d supervisors killed", k.points, len(k.seen), k.shot)
	clear(k.seen) // the clean-up holds k until all directories are through: 11 GB in an hour
}

// killed is one directory, in which one owner after the other is killed.
type killed struct {
	t      *testing.T
	dir    string // with state, runs and out, and what is temporary
	held   string // how trees are held together
	owner  *exec.Cmd
	out    *os.File // what the owner says
	lines  *bufio.Reader
	points int
	shot   int // supervisors that were killed
	seen   map[engine.ID]*seen
}

func newKilled(t *testing.T, held engine.Containment) *killed {
	t.Helper()
	dir, err := os.MkdirTemp("", "kill") //nolint:usetesting // sockets need a short path
	if err != nil {
		t.Fatal(err)
	}
	k := &killed{t: t, dir: dir, held: string(held), seen: make(map[engine.ID]*seen)}
	t.Cleanup(func() {
		for _, p := range processes(dir) {
			t.Errorf("process %d, %s, is left", p.pid, p.name)
			k.kill(p.pid)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"runs", "out"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// start starts an owner.
func (k *killed) start() {
	self, err := os.Executable()
	if err != nil {
		k.t.Fatal(err)
	}
	k.owner = exec.CommandContext(context.WithoutCancel(k.t.Context()), self, k.dir, k.held)
	k.owner.Env = append(os.Environ(), helperVariable+"=owner", "TMPDIR="+k.dir, "XDG_RUNTIME_DIR=")
	k.owner.Stderr = os.Stderr
	out, err := k.owner.StdoutPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	k.out, _ = out.(*os.File)
	k.lines = bufio.NewReader(out)
	if err := k.owner.Start(); err != nil {
		k.t.Fatal(err)
	}
}

// hear hears so many lines of the owner, and reports whether there were as many.
func (k *killed) hear(n int) bool {
	k.t.Helper()
	if err := k.out.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		k.t.Fatal(err)
	}
	for range n {
		line, err := k.lines.ReadString('\n')
		if err == io.EOF {
			return false // a line without its end was not said
		}
		if err != nil {
			k.t.Fatalf("the owner has stopped to say anything: %v", err)
		}
		k.heard(strings.TrimSpace(line))
	}
	return true
}

// heard notes what the owner has acknowledged.
func (k *killed) heard(line string) {
	k.t.Helper()
	what, rest, _ := strings.Cut(line, " ")
	text, ending, _ := strings.Cut(rest, " ")
	id, err := engine.ParseID(text)
	switch {
	case what == "open":
	case err != nil:
		k.t.Errorf("the owner says %q", line)
	case what == "accepted":
		k.seen[id] = &seen{}
	case what == "ended":
		k.seen[id].end(k.t, id, ending)
	}
}

// killSupervisor kills one of those that are there, whatever it is about to do.
func (k *killed) killSupervisor() {
	var pids []int
	for _, p := range processes(k.dir) {
		if p.name == supervisorName && !isSupervisor(parentOf(p.pid)) { // else it is about to execute a command
			pids = append(pids, p.pid)
		}
	}
	if len(pids) == 0 {
		return
	}
	pid := pids[rand.IntN(len(pids))]
	if rand.IntN(2) == 0 {
		pid = slices.Max(pids) // which has hardly begun
	}
	k.kill(pid)
	k.points++
	k.shot++
}

func (k *killed) kill(pid int) {
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
		k.t.Error(err)
	}
}
