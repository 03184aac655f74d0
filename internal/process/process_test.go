//go:build linux

package process_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

func TestStart_StreamsBothOutputsAndTellsTheExitCode(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			_, w := start(t, openAs(t, c), sh("echo out; echo err >&2; exit 3"))
			within(t, "end", w.ended)
			if got := w.text(process.Stdout); got != "out\n" {
				t.Errorf("stdout is %q", got)
			}
			if got := w.text(process.Stderr); got != "err\n" {
				t.Errorf("stderr is %q", got)
			}
			if w.state.Code != 3 || w.state.Signal != 0 {
				t.Errorf("state is %+v, want exit code 3", w.state)
			}
			if w.state.Usage.UserTime+w.state.Usage.SystemTime == 0 {
				t.Errorf("usage is empty: %+v", w.state.Usage)
			}
		})
	}
}

func TestStart_TellsASignalFromAnExitCode(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			table := openAs(t, c)
			_, w := start(t, table, sh("kill -KILL $$"))
			within(t, "end", w.ended)
			if w.state.Signal != syscall.SIGKILL || w.state.Code != -1 {
				t.Errorf("killed: state is %+v", w.state)
			}
			_, w = start(t, table, sh("exit 137"))
			within(t, "end", w.ended)
			if w.state.Signal != 0 || w.state.Code != 137 {
				t.Errorf("exit 137: state is %+v", w.state)
			}
		})
	}
}

func TestStart_LosesNoByteOfWhatIsWrittenRightBeforeTheExit(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			table := openAs(t, c)
			var all sync.WaitGroup
			slots := make(chan struct{}, 16)
			n := map[bool]int{false: 1000, true: 100}[c == process.InReaper]
			if os.Getenv("CLOUDOPS_TEST_FULL") == "1" {
				n *= 10
			}
			for range n {
				slots <- struct{}{}
				all.Go(func() {
					defer func() { <-slots }()
					w := newWatched()
					p, err := table.Start(sh("echo first; printf fast"), w)
					if err != nil {
						t.Error(err)
						return
					}
					within(t, "end", w.ended)
					p.Close()
					if got := w.text(process.Stdout); got != "first\nfast" {
						t.Errorf("stdout is %q", got)
					}
				})
			}
			all.Wait()
		})
	}
}

func TestStart_PassesMegabytesThroughInOrder(t *testing.T) {
	t.Parallel()
	for _, blocking := range []bool{false, true} {
		spec := sh("seq 1 300000; seq 1 300000 >&2")
		spec.Blocking = blocking
		_, w := start(t, open(t), spec)
		within(t, "end", w.ended)
		var want strings.Builder
		for i := range 300000 {
			want.WriteString(strconv.Itoa(i+1) + "\n")
		}
		if w.text(process.Stdout) != want.String() || w.text(process.Stderr) != want.String() {
			t.Errorf("blocking %v: %d and %d bytes, want %d, the same", blocking,
				len(w.text(process.Stdout)), len(w.text(process.Stderr)), want.Len())
		}
	}
}

func TestStart_GivesNoStdinUnlessOneIsGiven(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			table := openAs(t, c)
			_, w := start(t, table, sh("cat; echo done"))
			within(t, "end", w.ended)
			if got := w.text(process.Stdout); got != "done\n" {
				t.Errorf("without stdin: stdout is %q", got)
			}
			big := bytes.Repeat([]byte("0123456789"), 100_000)
			spec := fixture(t, "copy")
			spec.Stdin = bytes.NewReader(big)
			_, w = start(t, table, spec)
			within(t, "end", w.ended)
			if !bytes.Equal(w.out[process.Stdout], big) || w.text(process.Stderr) != "1000000\n" {
				t.Errorf("a reader: %d bytes came through", len(w.out[process.Stdout]))
			}
		})
	}
}

func TestStart_HandsAFileOverAsStdin(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "in")
			if err := os.WriteFile(path, []byte("from a file"), 0o600); err != nil {
				t.Fatal(err)
			}
			in, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = in.Close() })
			spec := sh("readlink /proc/self/fd/0; cat")
			spec.Stdin = in
			_, w := start(t, openAs(t, c), spec)
			within(t, "end", w.ended)
			if want := path + "\nfrom a file"; w.text(process.Stdout) != want {
				t.Errorf("stdout is %q, want %q", w.text(process.Stdout), want)
			}
		})
	}
}

// A program that never reads its stdin is no failure, and nobody is left who
// tries to write to it (goleak looks).
func TestStart_DoesNotMindAStdinThatIsNeverRead(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			spec := sh("exit 0")
			spec.Stdin = io.LimitReader(endless{}, 10<<20)
			p, w := start(t, openAs(t, c), spec)
			within(t, "end", w.ended)
			p.Close()
			if w.state.Code != 0 {
				t.Errorf("state is %+v", w.state)
			}
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestStart_NamesWhatTheSystemRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			table := openAs(t, c)
			plain := filepath.Join(t.TempDir(), "plain")
			if err := os.WriteFile(plain, []byte("echo hi\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			for want, spec := range map[error]process.Spec{
				syscall.ENOENT:  {Path: "/no/such/program", Args: []string{"x"}},
				syscall.EACCES:  {Path: "/tmp", Args: []string{"x"}},
				syscall.ENOEXEC: {Path: plain, Args: []string{"x"}},
				syscall.E2BIG:   {Path: "/bin/true", Args: []string{"true", strings.Repeat("x", 1<<17)}},
			} {
				if _, err := table.Start(spec, newWatched()); !errors.Is(err, want) || errors.Is(err, process.ErrBusy) {
					t.Errorf("start %s: %v, want %v", spec.Path, err, want)
				}
			}
		})
	}
}

func TestSignal_ReachesTheGroupOnceAndWakesAStoppedProcess(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			p, w := start(t, openAs(t, c), fixture(t, "signals"))
			if got := within(t, "ready", w.lines); got != "ready" {
				t.Fatalf("the program says %q", got)
			}
			if err := p.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			got := []string{within(t, "signal", w.lines), within(t, "signal", w.lines)}
			slices.Sort(got) // two that are pending may come in any order
			if want := []string{"continued", "interrupt"}; !slices.Equal(got, want) {
				t.Fatalf("the program says %q, want %q", got, want)
			}
			if err := p.Signal(syscall.SIGQUIT); err != nil {
				t.Fatal(err)
			}
			within(t, "end", w.ended)
			if got := w.text(process.Stdout); strings.Count(got, "interrupt") != 1 {
				t.Errorf("one signal came as %q", got)
			}
		})
	}
}

func TestSignal_DoesNothingOnceClosed(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			p, w := start(t, openAs(t, c), sh("true"))
			within(t, "end", w.ended)
			p.Close()
			if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("signal after close: %v", err)
			}
		})
	}
}

// A member of the group that holds the pipe after the leader has left: the exit
// code is there at once, the pipe ends when the group is killed.
func TestKill_ReachesAMemberAfterItsLeaderLeft(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			p, w := start(t, openAs(t, c), fixture(t, "leave"))
			pid, err := strconv.Atoi(within(t, "pid", w.lines))
			if err != nil {
				t.Fatal(err)
			}
			within(t, "exit", w.exited)
			if w.state.Code != 7 {
				t.Errorf("state is %+v, want exit code 7", w.state)
			}
			if err := p.Signal(syscall.SIGKILL); err != nil {
				t.Errorf("kill the group: %v", err)
			}
			within(t, "end", w.ended)
			p.Close()
			gone(t, pid)
		})
	}
}

func TestGiveUp_EndsAStreamThatSomebodyHolds(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			p, w := start(t, openAs(t, c), sh("exec 2>&-; setsid sleep 300 & echo $!"))
			pid, err := strconv.Atoi(within(t, "pid", w.lines))
			if err != nil {
				t.Fatal(err)
			}
			within(t, "exit", w.exited)
			if !p.GiveUp() {
				t.Error("nobody is said to hold it")
			}
			within(t, "end", w.ended)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		})
	}
}

func TestStrays_FindsAndEndsWhoLeftTheSession(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			mark := unique(t)
			spec := fixture(t, "escape")
			spec.Mark = mark
			p, w := start(t, openAs(t, c), spec)
			pid, err := strconv.Atoi(within(t, "pid", w.lines))
			if err != nil {
				t.Fatal(err)
			}
			within(t, "exit", w.exited)
			strays := p.Rest()
			if len(strays) != 1 || strays[0].Pid != pid || strays[0].Command != "sleep 300" {
				t.Errorf("strays are %v, want sleep 300 with pid %d", strays, pid)
			}
			if _, left := p.EndRest(); len(left) != 0 {
				t.Errorf("left are %v", left)
			}
			within(t, "end", w.ended)
			gone(t, pid)
		})
	}
}

func TestClose_LeavesNothing(t *testing.T) {
	table, err := process.NewTable(process.Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := descriptors(t)
	for range 50 {
		w := newWatched()
		p, err := table.Start(sh("echo hi"), w)
		if err != nil {
			t.Fatal(err)
		}
		within(t, "end", w.ended)
		p.Close()
		if _, err := os.Stat("/proc/" + strconv.Itoa(p.Pid())); err == nil {
			t.Fatalf("%d is still there after Close", p.Pid())
		}
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	if err := table.Close(); err != nil {
		t.Error(err)
	}
	if _, err := table.Start(sh("true"), newWatched()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("start after close: %v", err)
	}
}

// Descriptors are used up by the test itself, so that it runs alone.
func TestStart_SaysBusyWhereDescriptorsAreShort(t *testing.T) {
	table := open(t)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = 3
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	_, err := table.Start(sh("true"), newWatched())
	if e := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); e != nil {
		t.Fatal(e)
	}
	if !errors.Is(err, process.ErrBusy) || !errors.Is(err, syscall.EMFILE) {
		t.Errorf("start without descriptors: %v", err)
	}
	_, w := start(t, table, sh("true"))
	within(t, "end", w.ended)
}

func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// gone waits until a process is no more, or a zombie that its new parent has not
// reaped yet.
func gone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return
		}
		<-time.After(time.Millisecond)
	}
	t.Errorf("%d still lives", pid)
}
