package durable_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// help does what this binary does instead of testing, and returns its exit code.
func help() int {
	var err error
	switch helper := os.Getenv(helperVariable); helper {
	case "owner":
		err = beOwner(os.Args[1], os.Args[2])
	case "program":
		err = beProgram(os.Args[1], os.Args[2], os.Args[3:])
	case "base":
		err = measureBase(os.Args[1])
	case "no descriptors":
		err = bePoor(os.Args[1], takeDescriptors)
	case "no processes":
		err = bePoor(os.Args[1], takeProcesses)
	default:
		err = fmt.Errorf("there is no helper %q", helper)
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// program is another program that has a directory open.
type program struct {
	*exec.Cmd

	ids []engine.ID
}

// programConfig is how it opens the directory.
func programConfig(as string) durable.Config {
	one := engine.Config{MaxConcurrent: 1}
	return map[string]durable.Config{
		"owner": {}, "guest": {Guest: true}, "foreground": {Guest: true, Foreground: true},
		"one": {Engine: one}, "open to all": {}, "group": {Engine: engine.Config{Containment: engine.ContainmentGroup, MaxConcurrent: 40}},
	}[as]
}

// startProgram starts one that executes lines of sh, and waits until it has said that all
// were accepted.
func startProgram(t *testing.T, dir, as string, lines ...string) *program {
	t.Helper()
	p := &program{Cmd: helperCommand(t, "program", append([]string{dir, as}, lines...)...)}
	if _, err := p.StdinPipe(); err != nil { // it lives until that ends
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill(t) })
	for in := bufio.NewReader(out); len(p.ids) < len(lines); {
		text, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		id, err := engine.ParseID(strings.TrimSpace(text))
		if err != nil {
			t.Fatal(err)
		}
		p.ids = append(p.ids, id)
	}
	return p
}

// helperCommand is this binary, to do something else than to test.
func helperCommand(t *testing.T, helper string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self, args...)
	cmd.Env = append(os.Environ(), helperVariable+"="+helper)
	cmd.Stderr = os.Stderr
	return cmd
}

// kill has it be gone at once.
func (p *program) kill(t *testing.T) {
	t.Helper()
	if p.ProcessState == nil {
		_ = p.Process.Kill()
		_ = p.Wait() // it was killed
	}
}

// beProgram executes lines of sh, and plans in JSON, says their ids, and lives until its stdin ends.
func beProgram(dir, as string, lines []string) error {
	if as == "open to all" {
		syscall.Umask(0)
	}
	e, err := durable.Open(context.Background(), dir, programConfig(as))
	if err != nil {
		return err
	}
	e.Cleaned() // who is stopped or killed in its middle would have others wait
	for _, line := range lines {
		r := engine.Request{Command: engine.Shell(line)}
		if strings.HasPrefix(line, "{") {
			p, err := engine.ParsePlan([]byte(line))
			if err != nil {
				return err
			}
			r = p.Request()
		}
		id, err := e.Execute(context.Background(), r)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(os.Stdout, id); err != nil {
			return err
		}
	}
	if _, err = io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return e.Shutdown(context.Background())
}

// described is what execution.json says, as far as tests ask.
type described struct {
	Cgroup, Mark, Socket string
	Keeper               struct{ Pid int }
}

func describedIn(t *testing.T, dir string, id engine.ID) (d described) {
	t.Helper()
	f, err := folders(t, dir).Find(id.String())
	if err == nil {
		err = f.Description(&d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// startedIn waits until somebody runs an execution, without asking.
func startedIn(t *testing.T, dir string, id engine.ID) {
	t.Helper()
	eventually(t, "it runs", func() bool {
		f, err := folders(t, dir).Find(id.String())
		return err == nil && f.Description(nil) == nil
	})
}

// killPid kills a process, and waits until it has gone.
func killPid(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, fmt.Sprintf("process %d is gone", pid), func() bool { return !isThere(pid) })
}

// isThere reports whether a process lives: a zombie does not.
func isThere(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(rest, "Z")
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so: %s", what)
		}
	}
}

// redescribe changes what execution.json of an execution that nobody runs says of who ran
// it.
func redescribe(t *testing.T, dir string, id engine.ID, change func(keeper map[string]any)) {
	t.Helper()
	redescribeAll(t, dir, id, func(d map[string]any) {
		keeper, _ := d["keeper"].(map[string]any)
		change(keeper)
	})
}

// redescribeAll changes all that it says.
func redescribeAll(t *testing.T, dir string, id engine.ID, change func(description map[string]any)) {
	t.Helper()
	f, err := folders(t, dir).Find(id.String())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "nobody runs it", func() bool { // the threads of a process end one by one
		mine, err := f.Claim()
		return mine && err == nil
	})
	d := map[string]any{}
	if err := f.Description(&d); err != nil {
		t.Fatal(err)
	}
	change(d)
	if err := errors.Join(f.Describe(d), f.Release()); err != nil {
		t.Fatal(err)
	}
}

// combined runs a command, and returns all that it says.
func combined(cmd *exec.Cmd) ([]byte, error) {
	cmd.Stderr = nil
	return cmd.CombinedOutput()
}
