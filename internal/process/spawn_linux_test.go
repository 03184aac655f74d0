//go:build linux

package process_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// bothWays returns a table that spawns as it likes, and one that uses ForkExec.
func bothWays(t *testing.T) map[string]*process.Table {
	t.Helper()
	portable := open(t)
	process.ForceForkExec(portable)
	return map[string]*process.Table{"raw": open(t), "ForkExec": portable}
}

// said starts a program with a table and returns what it wrote to stdout.
func said(t *testing.T, table *process.Table, spec process.Spec) string {
	t.Helper()
	_, w := start(t, table, spec)
	within(t, "end", w.ended)
	return w.text(process.Stdout) + w.text(process.Stderr)
}

func TestSpawn_IsRawWhereTheSystemAllows(t *testing.T) {
	t.Parallel()
	table := open(t)
	said(t, table, sh("true"))
	if process.UsesForkExec(table) != (runtime.GOARCH != "amd64") {
		t.Errorf("ForkExec is used: %v", process.UsesForkExec(table))
	}
}

// It counts zombies and descriptors, so that it runs alone.
func TestSpawn_FailsLikeForkExecAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain, garbage := file("plain", "echo", 0o600), file("garbage", "\x00\x01garbage", 0o700)
	long := strings.Repeat("x", 200<<10) // one string may have 128 KiB
	for name, c := range map[string]struct {
		spec process.Spec
		want syscall.Errno
	}{
		"missing":         {process.Spec{Path: dir + "/none"}, syscall.ENOENT},
		"not executable":  {process.Spec{Path: plain}, syscall.EACCES},
		"a directory":     {process.Spec{Path: dir}, syscall.EACCES},
		"no program":      {process.Spec{Path: garbage}, syscall.ENOEXEC},
		"long argument":   {process.Spec{Path: "/bin/true", Args: []string{"true", long}}, syscall.E2BIG},
		"long variable":   {process.Spec{Path: "/bin/true", Env: []string{"A=" + long}}, syscall.E2BIG},
		"no directory":    {process.Spec{Path: "/bin/true", Dir: dir + "/none"}, syscall.ENOENT},
		"not a directory": {process.Spec{Path: "/bin/true", Dir: plain}, syscall.ENOTDIR},
		"NUL in the path": {process.Spec{Path: "/bin/\x00"}, syscall.EINVAL},
		"NUL in Dir":      {process.Spec{Path: "/bin/true", Dir: "\x00"}, syscall.EINVAL},
		"NUL in Args":     {process.Spec{Path: "/bin/true", Args: []string{"\x00"}}, syscall.EINVAL},
		"NUL in Env":      {process.Spec{Path: "/bin/true", Env: []string{"A=\x00"}}, syscall.EINVAL},
		"long path":       {process.Spec{Path: "/" + long}, syscall.ENAMETOOLONG},
	} {
		for way, table := range bothWays(t) {
			if c.spec.Args == nil {
				c.spec.Args = []string{"x"}
			}
			said(t, table, sh("true"))
			_, _ = table.Start(c.spec, newWatched()) // a cgroup more is kept for the next
			before := descriptors(t)
			for range 20 {
				if _, err := table.Start(c.spec, newWatched()); !errors.Is(err, c.want) {
					t.Fatalf("%s, %s: %v, want %v", way, name, err, c.want)
				}
			}
			if after := descriptors(t); after != before {
				t.Errorf("%s, %s: %d descriptors before, %d after", way, name, before, after)
			}
		}
	}
	if z := zombies(t); z != 0 {
		t.Errorf("%d zombies", z)
	}
}

// zombies counts the exited children of this process that nobody reaped, except
// those that a test still holds.
func zombies(t *testing.T) (n int) {
	t.Helper()
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		name, _, _ := strings.Cut(string(text), ") ")
		if strings.HasPrefix(rest, fmt.Sprintf("Z %d ", os.Getpid())) && !strings.HasSuffix(name, "(sh") && !strings.HasSuffix(name, "(cloudops-reaper") {
			n++
		}
	}
	return n
}

// It ignores a signal, so that it runs alone.
func TestSpawn_GivesTheSignalsOfForkExec(t *testing.T) {
	tables := bothWays(t)
	signal.Ignore(syscall.SIGUSR2)
	defer signal.Reset(syscall.SIGUSR2)
	signals := func(way string) string {
		text := said(t, tables[way], process.Spec{Path: "/bin/cat", Args: []string{"cat", "/proc/self/status"}})
		_, text, _ = strings.Cut(text, "\nSigQ:")
		text, _, _ = strings.Cut(text, "\nCpus_allowed:")
		_, text, _ = strings.Cut(text, "\n") // signals, capabilities, filters
		return text
	}
	raw, portable := signals("raw"), signals("ForkExec")
	if raw != portable {
		t.Errorf("raw:\n%sForkExec:\n%s", raw, portable)
	}
	// The signals 32 and 33 are the C library's own, which its posix_spawn leaves ignored.
	for _, want := range []string{"SigBlk:\t0000000000000000", "SigIgn:\t0000000[01][08]0000800", "SigCgt:\t0000000000000000"} {
		if !regexp.MustCompile(want).MatchString(raw) {
			t.Errorf("%q is not in:\n%s", want, raw)
		}
	}
}

func TestSpawn_GivesAGroupOrASession(t *testing.T) {
	t.Parallel()
	own, _ := unix.Getsid(0)
	for _, session := range []bool{false, true} {
		for way, table := range bothWays(t) {
			process.ForceSession(table, session)
			p, _ := start(t, table, sh("sleep 300"))
			group, _ := unix.Getpgid(p.Pid())
			sid, _ := unix.Getsid(p.Pid())
			want := own
			if session {
				want = p.Pid()
			}
			if group != p.Pid() || sid != want {
				t.Errorf("%s, session %v: pid %d, group %d, session %d, want %d", way, session, p.Pid(), group, sid, want)
			}
			_ = p.Signal(syscall.SIGKILL)
		}
	}
}

func TestSpawn_SetsTheDirectoryAndTheEnvironment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for way, table := range bothWays(t) {
		spec := sh(`echo "$(pwd) $A $1 $#"`)
		spec.Args = append(spec.Args, "zero", "", "two")
		spec.Dir, spec.Env = dir, []string{"A=b c", "PATH=/bin:/usr/bin"}
		if got, want := said(t, table, spec), dir+" b c  2\n"; got != want {
			t.Errorf("%s: %q, want %q", way, got, want)
		}
		spec = process.Spec{Path: "./x", Dir: dir, Args: []string{"x"}, Env: []string{}}
		if err := os.WriteFile(dir+"/x", []byte("#!/bin/sh\necho script\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		if got := said(t, table, spec); got != "script\n" {
			t.Errorf("%s: a path below Dir: %q", way, got)
		}
	}
}

// inFixture runs this test binary as a fixture and returns what it says.
func inFixture(t *testing.T, name, prelude string) string {
	t.Helper()
	spec := fixture(t, name)
	spec.Args = []string{"sh", "-c", prelude + `exec "$0"`, spec.Path}
	spec.Path = "/bin/sh"
	_, w := start(t, open(t), spec)
	<-w.ended // some start hundreds of shells, for which a busy machine needs minutes
	return w.text(process.Stdout) + w.text(process.Stderr)
}

func TestSpawn_GivesTheLimitThatThisProgramWasStartedWith(t *testing.T) {
	t.Parallel()
	for prelude, want := range map[string]string{
		"ulimit -Sn 100; ulimit -Hn 500; ": "499\n100 500\n100 500\n",
		"ulimit -n 500; ":                  "500\n500 500\n500 500\n",
		"ulimit -Sn 499; ulimit -Hn 500; ": "499\n499 500\n499 500\n",
	} {
		if got := inFixture(t, "limits", prelude); got != want {
			t.Errorf("%s: %q, want %q", prelude, got, want)
		}
	}
}

// limitsFixture says what limit it has, and what its children have.
func limitsFixture() {
	var limit syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	say(limit.Cur)
	for _, way := range []string{"raw", "ForkExec"} {
		table, _ := process.NewTable(process.Options{})
		if way != "raw" {
			process.ForceForkExec(table)
		}
		w := newWatched()
		p, err := table.Start(sh("echo $(ulimit -Sn) $(ulimit -Hn)"), w)
		if err != nil || process.UsesForkExec(table) != (way != "raw") {
			say(fmt.Sprint(way, " is not used: ", err))
			return
		}
		<-w.ended
		p.Close()
		_, _ = fmt.Fprint(os.Stdout, w.text(process.Stdout))
	}
}

func TestSpawn_FallsBackWhereSomethingIsRefused(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" {
		t.Skip("there is no raw spawn")
	}
	// Without ptrace a raised limit is not known, and is restored all the same.
	for call, want := range map[int]string{
		unix.SYS_CLONE3: "true 100\n", unix.SYS_PTRACE: "true 100\n",
		unix.SYS_CLOSE_RANGE: "false 100\n", unix.SYS_SYNC: "false 100\n",
	} {
		for _, errno := range []syscall.Errno{syscall.ENOSYS, syscall.EINVAL, syscall.EPERM} {
			if raceDetector && call == unix.SYS_CLONE3 && errno != syscall.ENOSYS {
				continue // the C library makes threads by clone3, and only ENOSYS has it do without
			}
			prelude := fmt.Sprintf("export REFUSED=%d REFUSED_WITH=%d; ulimit -Sn 100; ulimit -Hn 500; ", call, errno)
			if got := inFixture(t, "refused", prelude); got != want {
				t.Errorf("call %d: %v: %q", call, errno, got)
			}
		}
	}
}

// refusedFixture forbids itself a system call, and starts a process.
func refusedFixture() {
	call, _ := strconv.Atoi(os.Getenv("REFUSED"))
	errno, _ := strconv.Atoi(os.Getenv("REFUSED_WITH"))
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(call), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0x00050000 | uint32(errno)}, // SECCOMP_RET_ERRNO
		{Code: unix.BPF_RET | unix.BPF_K, K: 0x7fff0000},                 // SECCOMP_RET_ALLOW
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	// 1: SECCOMP_SET_MODE_FILTER, for all threads
	if _, _, e := syscall.Syscall(unix.SYS_SECCOMP, 1, 1, uintptr(unsafe.Pointer(&program))); e != 0 {
		say(e)
		return
	}
	table, _ := process.NewTable(process.Options{})
	w := newWatched()
	p, err := table.Start(sh("ulimit -Sn"), w)
	if err != nil {
		say(err)
		return
	}
	<-w.ended
	p.Close()
	_, _ = fmt.Fprint(os.Stdout, process.UsesForkExec(table), " ", w.text(process.Stdout))
}

// It takes the lock of all forks, so that it runs alone.
func TestSpawn_WaitsForThoseWhoHoldTheForkLock(t *testing.T) {
	table := open(t)
	said(t, table, sh("true"))
	syscall.ForkLock.RLock()
	started := make(chan error)
	w := newWatched()
	go func() {
		p, err := table.Start(sh("true"), w)
		if err == nil {
			<-w.ended
			p.Close()
		}
		started <- err
	}()
	select {
	case err := <-started:
		t.Fatalf("it started while the lock was held: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	syscall.ForkLock.RUnlock()
	if err := within(t, "start", started); err != nil {
		t.Error(err)
	}
}

// Everything that the runtime does with signals and memory at once. It sets
// GOMAXPROCS, so that it runs alone.
func TestSpawn_StandsSignalsCollectionsAndProfiles(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	if err := pprof.StartCPUProfile(io.Discard); err == nil {
		defer pprof.StopCPUProfile()
	}
	table := open(t)
	stop := make(chan struct{})
	var pests, all sync.WaitGroup
	pest := func(f func()) {
		pests.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					f()
					runtime.Gosched()
				}
			}
		})
	}
	pest(runtime.GC)
	pest(func() { _ = make([]*[100]byte, 1000) })
	pest(func() { _ = unix.Kill(os.Getpid(), unix.SIGURG) })
	pest(func() { _ = unix.Kill(os.Getpid(), unix.SIGWINCH); <-time.After(time.Microsecond) })
	pest(func() { // others fork as well
		if err := exec.CommandContext(t.Context(), "/bin/true").Run(); err != nil {
			t.Error(err)
		}
	})
	path, slots := true0(t), make(chan struct{}, 200)
	for i := range 2000 {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			spec := process.Spec{Path: path, Args: []string{path}, Env: []string{"N=" + strconv.Itoa(i)}}
			if i%10 == 0 {
				spec.Path = "/none"
			}
			w := newWatched()
			p, err := table.Start(spec, w)
			if i%10 == 0 {
				if !errors.Is(err, syscall.ENOENT) {
					t.Errorf("no such file: %v", err)
				}
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			within(t, "end", w.ended)
			p.Close()
			if w.state.Code != 0 || w.state.Signal != 0 {
				t.Errorf("%d: %+v", i, w.state)
			}
		})
	}
	all.Wait()
	close(stop)
	pests.Wait()
}
