package process_test

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// daemon is a shell line that starts a program as a daemon does: in a session of
// its own, forked twice, with an empty environment and closed files.
const daemon = `(env -i setsid -f sleep 300 <&- >&- 2>&-)`

// strong are the containments that nothing leaves.
func strong(t *testing.T) []process.Containment {
	t.Helper()
	return slices.DeleteFunc(containments(t), func(c process.Containment) bool { return c == process.InGroup })
}

func TestTree_HoldsADaemonThatCleanedItsEnvironment(t *testing.T) {
	t.Parallel()
	for _, c := range strong(t) {
		for _, portable := range []bool{false, true} {
			table := openAs(t, c)
			if portable {
				process.ForceForkExec(table)
			}
			p, w := start(t, table, sh(daemon+"; echo ready; exec sleep 300"))
			within(t, "line", w.lines)
			if p.Containment() != c || !p.Left() {
				t.Fatalf("containment is %s, left %v", p.Containment(), p.Left())
			}
			rest := p.Rest()
			for len(rest) != 1 || rest[0].Command != "sleep 300" { // it is still on its way
				rest = p.Rest()
			}
			ended, left := p.EndRest() // all of it, the leader too
			if ended != 1 || len(left) != 0 {
				t.Errorf("%s: ended %d, left %v", c, ended, left)
			}
			within(t, "end", w.ended)
			if p.Left() {
				t.Errorf("%s: something is left of an ended tree", c)
			}
			gone(t, rest[0].Pid)
		}
	}
}

func TestTree_IsLeftEmptyByTheLeader(t *testing.T) {
	t.Parallel()
	for _, c := range strong(t) {
		table := openAs(t, c)
		var all sync.WaitGroup
		slots := make(chan struct{}, 20)
		for range map[bool]int{false: 200, true: 50}[c == process.InReaper] {
			slots <- struct{}{}
			all.Go(func() {
				defer func() { <-slots }()
				w := newWatched()
				p, err := table.Start(sh("(exit 0) & wait"), w)
				if err != nil {
					t.Error(err)
					return
				}
				within(t, "end", w.ended)
				if p.Left() {
					t.Errorf("%s: the leader has ended, and still %v is left", c, p.Rest())
				}
				p.Close()
			})
		}
		all.Wait()
	}
}

// Who outlives the leader is known of before anybody searches.
func TestTree_IsNotLeftEmptyByTheLeader(t *testing.T) {
	t.Parallel()
	for _, c := range strong(t) {
		p, w := start(t, openAs(t, c), sh(daemon))
		within(t, "end", w.ended)
		if !p.Left() || w.state.Code != 0 {
			t.Errorf("%s: left %v, code %d", c, p.Left(), w.state.Code)
		}
		if ended, left := p.EndRest(); ended != 1 || len(left) > 0 || p.Left() {
			t.Errorf("%s: ended %d, left %v, %v", c, ended, left, p.Left())
		}
	}
}

// SignalRest reaches who is in a group of its own, and the leader's group not.
func TestSignalRest_AsksWhoLeftTheGroup(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		mark := unique(t)
		spec := sh(`trap 'echo leader' TERM; setsid sh -c 'trap "echo other; exit" TERM; echo up; while :; do sleep 0.01; done' & while :; do sleep 0.01; done`)
		spec.Env, spec.Mark = append(os.Environ(), mark), mark
		p, w := start(t, openAs(t, c), spec)
		within(t, "line", w.lines)
		p.SignalRest(syscall.SIGTERM)
		if line := within(t, "line", w.lines); line != "other" {
			t.Errorf("%s: %q was asked", c, line)
		}
		p.EndRest()
		_ = p.Signal(syscall.SIGKILL)
		within(t, "end", w.ended)
	}
}

// One that forks all the time is stopped before it is killed.
func TestEndRest_EndsWhoForksMeanwhile(t *testing.T) {
	t.Parallel()
	for _, c := range strong(t) {
		p, w := start(t, openAs(t, c), sh(`for i in 1 2 3 4; do setsid sh -c 'echo up; while :; do (sleep 300 &) ; done' & done; wait`))
		for range 4 {
			within(t, "line", w.lines)
		}
		if _, left := p.EndRest(); len(left) != 0 {
			t.Errorf("%s: left are %d", c, len(left))
		}
		within(t, "end", w.ended)
	}
}

// openReaper opens a table that holds trees below reapers.
func openReaper(t *testing.T) *process.Table {
	t.Helper()
	return openAs(t, process.InReaper)
}

// parentOf reads who the parent of a process is.
func parentOf(t *testing.T, pid int) int {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		t.Fatal(err)
	}
	return parent
}

func TestReaper_AdoptsAndThisProgramDoesNot(t *testing.T) {
	t.Parallel()
	p, w := start(t, openReaper(t), sh("(sleep 300 & echo $!); exec sleep 300"))
	orphan, err := strconv.Atoi(within(t, "pid", w.lines))
	if err != nil {
		t.Fatal(err)
	}
	reaper := parentOf(t, p.Pid())
	for parentOf(t, orphan) != reaper { // the shell between them is about to end
		runtime.Gosched()
	}
	if parent := parentOf(t, reaper); parent != os.Getpid() {
		t.Errorf("the reaper is a child of %d, want this program", parent)
	}
	var subreaper int32
	if err := unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&subreaper)), 0, 0, 0); err != nil || subreaper != 0 {
		t.Errorf("this program is a subreaper: %d, %v", subreaper, err)
	}
	p.EndRest()
	within(t, "end", w.ended)
}

// Nothing of the reaper shows in the command: neither descriptors, nor the folder,
// the group, nor a variable.
func TestReaper_GivesTheCommandWhatItHasWithoutOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	spec := sh("pwd; env | sort; echo /proc/self/fd/*; ulimit -a; grep -E '^(Sig[BIC]|Cap|NoNew)' /proc/self/status; ps -o pgid= -p $$ | grep -c $$; printf '%s' \"$0\"")
	spec.Args = append(spec.Args, "\xff\xfe not UTF-8")
	spec.Dir, spec.Env = dir, []string{"A=\xff", "PATH=" + os.Getenv("PATH")}
	if got, want := said(t, openReaper(t), spec), said(t, openAs(t, process.InGroup), spec); got != want {
		t.Errorf("below a reaper:\n%s\nwithout:\n%s", got, want)
	}
}

// The streams end with the command: the reaper, which lives on, holds none of them.
func TestReaper_HoldsNoPipe(t *testing.T) {
	t.Parallel()
	p, w := start(t, openReaper(t), sh("exec >&- 2>&-; sleep 300"))
	for !w.silent() {
		runtime.Gosched()
	}
	select {
	case <-w.exited:
		t.Error("it has ended")
	default:
	}
	_ = p.Signal(syscall.SIGTERM)
	within(t, "end", w.ended)
	if w.state.Signal != syscall.SIGTERM {
		t.Errorf("state is %+v", w.state)
	}
}

// What outlives the leader lives on where it is not ended: the reaper goes.
func TestReaper_LeavesAloneWhoIsNotEnded(t *testing.T) {
	t.Parallel()
	table := openReaper(t)
	p, w := start(t, table, sh("setsid sleep 300 </dev/null >/dev/null 2>&1 & echo $!"))
	pid, err := strconv.Atoi(within(t, "pid", w.lines))
	if err != nil {
		t.Fatal(err)
	}
	within(t, "end", w.ended)
	reaper := parentOf(t, pid)
	p.Close()
	gone(t, reaper)
	if err := syscall.Kill(pid, 0); err != nil {
		t.Errorf("%d: %v", pid, err)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

// Who kills the reaper sets the tree free. It is still found by its mark, how the
// command ends is not known, and what is told says so.
func TestReaper_ThatIsKilledIsTold(t *testing.T) {
	t.Parallel()
	mark := unique(t)
	spec := sh("setsid sleep 300 & echo ready; exec sleep 300")
	spec.Env, spec.Mark = append(os.Environ(), mark), mark
	p, w := start(t, openReaper(t), spec)
	within(t, "line", w.lines)
	if err := syscall.Kill(parentOf(t, p.Pid()), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	within(t, "exit", w.exited)
	if p.Containment() != process.InGroup || w.state.Code != -1 || w.state.Signal != 0 {
		t.Errorf("containment is %s, state %+v", p.Containment(), w.state)
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signal: %v", err)
	}
	if ended, left := p.EndRest(); ended < 1 || len(left) != 0 {
		t.Errorf("ended %d, left %v", ended, left)
	}
	within(t, "end", w.ended)
}

// It may be killed before it has told of the start. Then the start fails, and what
// was started does not live on.
func TestReaper_ThatIsKilledAtOnceLeavesNothing(t *testing.T) {
	t.Parallel()
	table := openReaper(t)
	mark := unique(t)
	spec := sh("kill -KILL $PPID; setsid sleep 300 & exec sleep 300")
	spec.Env, spec.Mark = append(os.Environ(), mark), mark
	refused := 0
	for range 30 {
		w := newWatched()
		p, err := table.Start(spec, w)
		if err != nil {
			if refused++; errors.Is(err, process.ErrBusy) {
				t.Errorf("it would be started again: %v", err)
			}
			continue
		}
		within(t, "exit", w.exited)
		if _, left := p.EndRest(); len(left) > 0 {
			t.Errorf("left are %v", left)
		}
		within(t, "end", w.ended)
		p.Close()
	}
	if pids := process.Marked(mark); len(pids) > 0 {
		t.Errorf("%v live on, after %d starts that were refused", pids, refused)
	}
}

// Whoever signals the parent of a command means the engine: the reaper stays.
func TestReaper_StandsSignalsFromTheCommand(t *testing.T) {
	t.Parallel()
	_, w := start(t, openReaper(t), sh("for s in HUP INT QUIT TERM USR1 USR2 ALRM TSTP TTIN PIPE; do kill -$s $PPID; done; exit 9"))
	within(t, "end", w.ended)
	if w.state.Code != 9 {
		t.Errorf("state is %+v", w.state)
	}
}

// killedFixture starts a tree that holds on to nothing of it, and says who is in it.
func killedFixture() {
	table, err := process.NewTable(process.Options{Containment: process.InReaper})
	if err != nil {
		say(err)
		return
	}
	w := newWatched()
	p, err := table.Start(sh("trap '' TERM; "+daemon+"; (sleep 300 &); echo up; while :; do sleep 0.05; done"), w)
	if err != nil {
		say(err)
		return
	}
	<-w.lines
	var rest []process.Stray
	for len(rest) != 2 {
		rest = slices.DeleteFunc(p.Rest(), func(s process.Stray) bool { return s.Command != "sleep 300" })
	}
	for _, s := range rest {
		say(s.Pid)
	}
	say(p.Pid())
	say("all")
	<-w.ended
}

func TestReaper_EndsAllWhereTheEngineIsKilled(t *testing.T) {
	t.Parallel()
	p, w := start(t, openAs(t, process.InGroup), fixture(t, "killed"))
	var pids []int
	for line := within(t, "line", w.lines); line != "all"; line = within(t, "line", w.lines) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(line)
		}
		pids = append(pids, pid)
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	within(t, "end", w.ended)
	for _, pid := range pids {
		gone(t, pid)
	}
}
