package durable_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// RES-04: out of descriptors, what runs goes on and what is asked for waits; nothing is said
// to be lost that is not so. When there are some again, everything is as before.
func TestRES04_OutOfDescriptors(t *testing.T) {
	t.Parallel()
	if out, err := combined(helperCommand(t, "no descriptors", place(t))); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

// RES-05: likewise where there is no process left, nor a thread, for a user who may have few.
func TestRES05_ForkSaysEAGAIN(t *testing.T) {
	t.Parallel()
	if os.Getenv("CLOUDOPS_TEST_ROOT") != "1" {
		t.Skip("needs root, to be a user without other processes: CLOUDOPS_TEST_ROOT=1")
	}
	home, err := os.MkdirTemp("", "few") //nolint:usetesting // that of the test is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	cmd, user := helperCommand(t, "no processes", filepath.Join(home, "state")), 50_000+os.Getpid()%10_000
	program, err := os.ReadFile(cmd.Path) // where others may not look
	cmd.Path = filepath.Join(home, "program")
	if err := errors.Join(err, os.WriteFile(cmd.Path, program, 0o700), os.Chown(cmd.Path, user, user), os.Chown(home, user, user)); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(cmd.Env, "TMPDIR="+home, "XDG_RUNTIME_DIR=", "HOME="+home)
	cmd.Dir, cmd.SysProcAttr = home, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}}
	if out, err := combined(cmd); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

// bePoor has nothing left of something for a while, which hoard takes. Meanwhile it costs
// next to nothing to wait for it.
func bePoor(dir string, hoard func() (release func(), err error)) error {
	ctx := context.Background()
	gate, said := filepath.Join(filepath.Dir(dir), "gate"), &said{}
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		return err
	}
	e, err := durable.Open(ctx, dir, durable.Config{Engine: engine.Config{Logger: slog.New(slog.NewTextHandler(said, nil))}})
	if err != nil {
		return err
	}
	runs, err := e.Execute(ctx, shell("echo here; read < %s; echo there; exit 3", gate)) // which needs nothing more
	if err != nil {
		return err
	}
	for ev, err := range e.Watch(ctx, runs, 0) {
		if err != nil {
			return err
		}
		if string(ev.Line) == "here" {
			break
		}
	}
	release, err := hoard()
	if err != nil {
		return err
	}
	began, used := time.Now(), processorTime()
	said.take()
	waits, err := e.Execute(ctx, shell("echo later"))
	if err != nil {
		return err
	}
	<-time.After(2 * time.Second) // of shortage
	took, used, lines := time.Since(began), processorTime()-used, said.take()
	if used > took/5 || bytes.Count(lines, []byte("\n")) > 1+int(took/time.Second) {
		return fmt.Errorf("in %v of shortage it used a processor for %v, and logged:\n%s", took, used, lines)
	}
	s, err := e.Status(ctx, runs)
	if err != nil || s != engine.Running {
		return fmt.Errorf("it is %s, %w", s, err)
	}
	release()
	if err := os.WriteFile(gate, []byte("\n"), 0); err != nil { // it is read only now
		return err
	}
	for id, want := range map[engine.ID]string{runs: "here\nthere\n", waits: "later\n"} {
		r, err := e.Wait(ctx, id)
		if err != nil || r.Stdout != want || r.Cause != engine.CauseExit {
			return fmt.Errorf("it ended as %s by %s with %q, %q: %w", r.Status, r.Cause, r.Stdout, r.Error, err)
		}
	}
	return e.Shutdown(ctx)
}

// mostDescriptors is how many a process has whose descriptors are taken.
const mostDescriptors = 128

// takeDescriptors leaves none, and cuts what goes over those there are.
func takeDescriptors() (release func(), err error) {
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: mostDescriptors, Max: mostDescriptors}); err != nil {
		return nil, err
	}
	var fds []int
	for {
		fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if errors.Is(err, syscall.EMFILE) {
			cutConnections()
			return func() {
				for _, fd := range fds {
					_ = syscall.Close(fd)
				}
			}, nil
		}
		if err != nil {
			return nil, err
		}
		fds = append(fds, fd)
	}
}

// cutConnections ends every connection of this process to a supervisor, and closes none: who
// finds that out has no descriptor to look for what has become of the execution.
func cutConnections() {
	for fd := range mostDescriptors {
		_ = syscall.Shutdown(fd, syscall.SHUT_RDWR) // no other sort of file can be
	}
}

// takeProcesses leaves none.
func takeProcesses() (release func(), err error) {
	if err := syscall.Setrlimit(unix.RLIMIT_NPROC, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		return nil, err
	}
	var all []*exec.Cmd
	for {
		cmd := exec.CommandContext(context.Background(), "sleep", "600")
		err := cmd.Start()
		if errors.Is(err, syscall.EAGAIN) {
			return func() {
				for _, cmd := range all {
					_ = cmd.Process.Kill()
					_ = cmd.Wait() // it was killed
				}
			}, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, cmd)
	}
}

// processorTime is what this process has used of the processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// said is what was logged.
type said struct {
	mu   sync.Mutex
	text []byte
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, p...)
	return len(p), nil
}

// take takes what was logged since the last time.
func (s *said) take() (text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, s.text = s.text, nil
	return text
}
