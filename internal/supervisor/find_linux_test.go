package supervisor_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/supervisor"
)

// withMark are the processes that carry an entry in their environment.
func withMark(mark string) (pids []string) {
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range all {
		environ, err := os.ReadFile(path)
		if err == nil && slices.ContainsFunc(bytes.Split(environ, []byte{0}), func(e []byte) bool { return string(e) == mark }) {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}

// noneLeft waits until nobody carries the mark.
func noneLeft(t *testing.T, mark string) {
	t.Helper()
	left := withMark(mark)
	for deadline := time.Now().Add(20 * time.Second); len(left) > 0 && time.Now().Before(deadline); left = withMark(mark) {
		<-time.After(5 * time.Millisecond)
	}
	if len(left) > 0 {
		t.Errorf("left of the tree: %v", left)
	}
}

// The engine is killed; the command goes on, and what it writes and how it ends is what
// the next engine finds. Nothing that a terminal or a careless command sends stops the
// supervisor.
func TestRunner_OutlivesTheEngine(t *testing.T) {
	t.Parallel()
	dir, g := t.TempDir(), newGate(t)
	o := newOtherEngine(t, dir, "echo one; "+awaitGate+"echo two; exit 7", string(g))
	o.kill(t)
	pid := describedIn(t, dir, o.id).Keeper.Pid
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGUSR1} {
		if err := syscall.Kill(pid, sig); err != nil {
			t.Fatal(err)
		}
	}
	f := mustFind(t, newRunner(t, dir), o.id)
	if f.control == nil {
		t.Fatal("it runs, and there is no control")
	}
	g.open(t)
	end, stdout := f.end(t)
	if end.Cause != engine.CauseExit || end.ExitCode != 7 || stdout != "one\ntwo\n" {
		t.Errorf("want exit 7 of one, two; got %+v of %q", end, stdout)
	}
	if again := mustFind(t, newRunner(t, dir), o.id); again.control != nil {
		t.Error("it has ended, and there is a control")
	} else if same, _ := again.end(t); same.ExitCode != 7 || !same.Ended.Equal(end.Ended) {
		t.Errorf("found again it is another ending: %+v", same)
	}
}

// A supervisor that is killed takes the tree with it, however that is held and whoever
// finds out; what it had written is there, and how it ended is not known.
func TestRunner_KilledSupervisorIsLost(t *testing.T) {
	t.Parallel()
	const tree = `setsid sleep 600 & echo one; sleep 600`
	for _, held := range []engine.Containment{engine.ContainmentAuto, engine.ContainmentReaper, engine.ContainmentGroup} {
		t.Run("by its engine, held by "+string(held), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			r, err := supervisor.New(supervisor.Options{Dir: dir, Containment: held})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = r.Close() })
			e := newEngine(t, r)
			id := start(t, e, sh(tree), "one")
			d := describedIn(t, dir, id)
			kill(t, d.Keeper.Pid)
			result := wait(t, e, id)
			if result.Status != engine.Lost || result.ExitCode != -1 || result.Stdout != "one\n" || result.Error == "" {
				t.Errorf("want lost, with what it wrote; got %+v", result)
			}
			noneLeft(t, d.Mark)
			if _, err := os.Stat(d.Cgroup); d.Cgroup != "" && err == nil {
				t.Errorf("%s is left", d.Cgroup)
			}
			if _, err := os.Lstat(d.Socket); err == nil {
				t.Errorf("%s is left", d.Socket)
			}
		})
	}
	t.Run("by the next engine", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		o := newOtherEngine(t, dir, tree)
		d := describedIn(t, dir, o.id)
		o.kill(t)
		kill(t, d.Keeper.Pid)
		f := mustFind(t, newRunner(t, dir), o.id)
		end, stdout := f.end(t)
		if f.control != nil || end.Cause != engine.CauseLost || stdout != "one\n" {
			t.Errorf("want lost, with what it wrote; got %+v, %q", end, stdout)
		}
		noneLeft(t, d.Mark)
		if _, err := os.Stat(d.Socket); err == nil {
			t.Errorf("its socket is left: %s", d.Socket)
		}
		if again, _ := mustFind(t, newRunner(t, dir), o.id).end(t); again.Cause != engine.CauseLost || !again.Ended.Equal(end.Ended) {
			t.Errorf("found again it is another ending: %+v", again)
		}
	})
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// A folder that nothing was started in is not an execution, and goes.
func TestRunner_FindsNoneThatWasNeverStarted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := newRunner(t, dir)
	state, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	id := engine.ID{1}
	f, err := state.Create(id.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Leave(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // as little as one that there never was
		if _, err := find(t, r, id); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("want ErrNotFound, got %v", err)
		}
	}
	if active, err := state.Active(); err != nil || len(active) > 0 {
		t.Errorf("left: %v, %v", active, err)
	}
}

// Where somebody has removed the state directory there is nobody to tell the ending but
// who listens: the supervisor tells it, and goes.
func TestRunner_EndsWithoutItsFolder(t *testing.T) {
	t.Parallel()
	dir, g := t.TempDir(), newGate(t)
	e := newEngine(t, newRunner(t, dir))
	id := start(t, e, sh("echo one; "+awaitGate+"exit 4", string(g)), "one")
	pid := describedIn(t, dir, id).Keeper.Pid
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	g.open(t)
	if result := wait(t, e, id); result.ExitCode != 4 {
		t.Errorf("want exit 4, got %+v", result)
	}
	await(t, "the end of the supervisor", func() bool { return syscall.Kill(pid, 0) != nil })
}

// What whoever started the engine had left open reaches neither supervisor nor command,
// and the supervisor has nothing open that it does not need.
func TestRunner_PassesNoDescriptorsOn(t *testing.T) {
	t.Parallel()
	leak, err := syscall.Open(filepath.Join(t.TempDir(), "leak"), syscall.O_CREAT|syscall.O_RDWR, 0o600) // no O_CLOEXEC
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(leak) }()
	dir, g := t.TempDir(), newGate(t)
	e := newEngine(t, newRunner(t, dir))
	id := start(t, e, sh("echo one; "+awaitGate, string(g)), "one")
	pid := strconv.Itoa(describedIn(t, dir, id).Keeper.Pid)
	fds, err := os.ReadDir("/proc/" + pid + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	const most = 25
	if len(fds) > most {
		t.Errorf("it has %d descriptors", len(fds))
	}
	for _, fd := range fds {
		if to, _ := os.Readlink("/proc/" + pid + "/fd/" + fd.Name()); filepath.Base(to) == "leak" {
			t.Errorf("descriptor %s is %s", fd.Name(), to)
		}
	}
	if at, err := os.Readlink("/proc/" + pid + "/cwd"); err != nil || at != "/" {
		t.Errorf("it works in %s, %v", at, err)
	}
}

// A supervisor that is stopped is not waited for: what it runs runs, as far as anybody can
// know. What is asked of it meanwhile it does when it goes on.
func TestRunner_FindsWhatIsStopped(t *testing.T) {
	t.Parallel()
	dir, g := t.TempDir(), newGate(t)
	o := newOtherEngine(t, dir, `echo one; `+awaitGate+`exit 6`, string(g))
	o.kill(t)
	pid := describedIn(t, dir, o.id).Keeper.Pid
	stop(t, pid)
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	f := mustFind(t, newRunner(t, dir), o.id)
	if f.control == nil {
		t.Fatal("it runs, and there is no control")
	}
	if head, _ := f.journal.Kept(engine.Stdout); string(head) != "one\n" {
		t.Errorf("its record has %q", head)
	}
	select {
	case end := <-f.ended:
		t.Fatalf("it is said to have ended: %+v", end)
	default:
	}
	extended := make(chan bool)
	go func() { extended <- f.control.Extend(time.Hour) }()
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if !<-extended {
		t.Error("Extend says that it comes too late")
	}
	g.open(t)
	if end, _ := f.end(t); end.Cause != engine.CauseExit || end.ExitCode != 6 {
		t.Errorf("want exit 6, got %+v", end)
	}
}

// Nobody waits for one that is stopped between its description and its start, or before that:
// somebody is about to start it, and when that one has gone nobody has. The test stands still
// in its place: it holds the lock, and has a socket at which nobody answers.
func TestRunner_GoesPastWhatIsStoppedBeforeItsStart(t *testing.T) {
	t.Parallel()
	for _, described := range []bool{true, false} {
		t.Run(fmt.Sprintf("described %t", described), func(t *testing.T) {
			t.Parallel()
			dir, id := t.TempDir(), engine.ID{3}
			r := newRunner(t, dir)
			state, err := folder.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			f, err := state.Create(id.String())
			if err != nil {
				t.Fatal(err)
			}
			if described {
				if err := f.Describe(silentSocket(t)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := find(t, r, id); !errors.Is(err, engine.ErrBusy) {
				t.Errorf("want ErrBusy, got %v", err)
			}
			if err := errors.Join(f.Remove(), f.Leave()); err != nil {
				t.Fatal(err)
			}
			if _, err := find(t, r, id); !errors.Is(err, engine.ErrNotFound) {
				t.Errorf("want ErrNotFound, got %v", err)
			}
		})
	}
}

// silentSocket is a description with a socket to which anybody can connect, and at which
// nobody answers.
func silentSocket(t *testing.T) any {
	t.Helper()
	dir, err := os.MkdirTemp("", "silent") //nolint:usetesting // its path is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return struct {
		Socket string `json:"socket"`
	}{path}
}

// One that is killed while it is stopped is lost, as any other.
func TestRunner_FindsWhatIsStoppedAndKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := newOtherEngine(t, dir, `echo one; exec sleep 600`)
	o.kill(t)
	d := describedIn(t, dir, o.id)
	stop(t, d.Keeper.Pid)
	f := mustFind(t, newRunner(t, dir), o.id)
	kill(t, d.Keeper.Pid)
	if end, stdout := f.end(t); end.Cause != engine.CauseLost || stdout != "one\n" {
		t.Errorf("want lost with what it wrote, got %+v of %q", end, stdout)
	}
	noneLeft(t, d.Mark)
}

// stop stops a process, and waits until it stands still.
func stop(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await(t, "the process stands still", func() bool {
		stat, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return bytes.Contains(stat, []byte(") T "))
	})
}

// A start found no descriptor, nor was there one to remove its folder with. When there are some
// again, the execution is started as if nothing had been.
func TestRunner_StartsWhereAFolderWasLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := newEngine(t, newRunner(t, dir))
	request := sh("echo one")
	request.ID = engine.ID{2}
	state, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := state.Create(request.ID.String())
	if err == nil {
		err = f.Leave()
	}
	if err != nil {
		t.Fatal(err)
	}
	if result := wait(t, e, start(t, e, request, "one")); result.ExitCode != 0 {
		t.Errorf("want exit 0, got %+v", result)
	}
}
