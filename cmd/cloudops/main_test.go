package main_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	main "github.com/escher-dbai/cloudops-engine/cmd/cloudops"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// TestMain makes the test binary be the program where it is called cloudops.
func TestMain(m *testing.M) {
	durable.Main() // /proc/self/exe is this binary, whatever it is called
	testscript.Main(m, map[string]func(){"cloudops": main.Main})
}

// TestScripts runs the sessions in testdata, which read as a manual. Beside the
// commands of testscript they know
//
//	exits CODE PROGRAM ARG…   runs it and wants exactly this exit code
//	begin PROGRAM ARG…        starts it; signal NAME signals it; ended CODE waits for it
//	manager; hears EXPRESSION   is a service manager, and wants to be told this
//	talk FILE CODE PROGRAM ARG…   runs it on a terminal, where somebody does what FILE says
func TestScripts(t *testing.T) {
	t.Parallel()
	// Under nohup, or in the background of a script, we ignore signals, and what we
	// start would too. One that is caught is back at its default there.
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
	hang := time.Now().Add(5 * time.Minute) // so that it says where
	if end, ok := t.Deadline(); ok {
		hang = end.Add(-time.Minute) // all of them together are slow where the machine is
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Deadline:            hang,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "begin": begin, "signal": signalIt, "ended": ended, "talk": talk,
			"manager": manager, "hears": hears,
		},
	})
}

// setup gives a script a home of its own; of our environment it has PATH alone.
func setup(env *testscript.Env) error {
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("GORACE", "atexit_sleep_ms=10") // else each program takes a second more
	env.Values[begunKey{}] = &begun{env: env}
	env.Values[managerKey{}] = new(told)
	env.Vars = slices.Clip(env.Vars) // what begins and the script add to it, each for itself
	return nil
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	err := ts.Exec(args[1], args[2:]...)
	if got := codeOf(ts, err); strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

func codeOf(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	ts.Fatalf("%v", err)
	return -1
}

type begunKey struct{}

// begun is the program that a script has started and not yet waited for.
type begun struct {
	env            *testscript.Env
	cmd            *exec.Cmd
	stdout, stderr strings.Builder
}

func theBegun(ts *testscript.TestScript) *begun {
	b, ok := ts.Value(begunKey{}).(*begun)
	if !ok {
		ts.Fatalf("setup did not run")
	}
	return b
}

func begin(ts *testscript.TestScript, _ bool, args []string) {
	b := theBegun(ts)
	path, err := exec.LookPath(args[0])
	ts.Check(err)
	b.stdout.Reset()
	b.stderr.Reset()
	b.cmd = exec.CommandContext(context.Background(), path, args[1:]...)
	b.cmd.Env, b.cmd.Dir = b.env.Vars, ts.MkAbs(".")
	b.cmd.Stdout, b.cmd.Stderr = &b.stdout, &b.stderr
	ts.Check(b.cmd.Start())
	running := b.cmd
	ts.Defer(func() {
		if running.ProcessState == nil {
			_ = running.Process.Kill()
			_ = running.Wait()
		}
	})
}

func signalIt(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(theBegun(ts).cmd.Process.Signal(signals()[args[0]]))
}

func signals() map[string]os.Signal {
	return map[string]os.Signal{
		"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "QUIT": syscall.SIGQUIT,
		"KILL": syscall.SIGKILL,
	}
}

// ended writes what the program wrote to files named stdout.txt and stderr.txt.
func ended(ts *testscript.TestScript, _ bool, args []string) {
	b := theBegun(ts)
	err := b.cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("stdout.txt"), []byte(b.stdout.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("stderr.txt"), []byte(b.stderr.String()), 0o600))
	if got := codeOf(ts, err); strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s\nstderr: %s", got, args[0], b.stderr.String())
	}
}
