//go:build unix

package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
)

// The cases of the catalogue, by their numbers, with real processes. What can be
// known before the start is an error of Execute here, where a case has it as a
// failed execution.

// gone waits until a process is no more, or a zombie that is somebody else's.
func gone(t *testing.T, pid string) {
	t.Helper()
	if _, err := strconv.Atoi(pid); err != nil {
		t.Fatalf("%q is no pid", pid)
	}
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		state, _ := exec.CommandContext(t.Context(), "ps", "-o", "stat=", "-p", pid).Output() // fails when there is none
		if s := strings.TrimSpace(string(state)); s == "" || s[0] == 'Z' {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	t.Errorf("process %s is still there", pid)
}

func TestLIFE02_DeathByASignalNobodySent(t *testing.T) {
	t.Parallel()
	r := do(t, open(t, engine.Config{}), bash(`kill -SEGV $$`))
	wantEnding(t, r, ending{engine.Failed, engine.CauseSignal, false, engine.Actor{}})
	if r.Signal != "SEGV" || r.ExitCode != -1 {
		t.Errorf("want SEGV and no exit code, got %q, %d", r.Signal, r.ExitCode)
	}
}

func TestLIFE03_ProgramDoesNotExist(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{MaxConcurrent: 1})
	for _, name := range []string{"/no/such/bin-cloudops", "no-such-bin-cloudops", "./no-such-bin-cloudops"} {
		id, err := e.Execute(t.Context(), engine.Request{Command: engine.Exec(name, "arg1")})
		wantError(t, name, err, engine.ErrProgramNotFound)
		if id != (engine.ID{}) || !strings.Contains(err.Error(), "no") || engine.Hint(err) == "" {
			t.Errorf("%s: want it named, with a hint; got %v, %v", name, id, err)
		}
	}
	if s := stats(t, e); s.Accepted != 0 || s.Running != 0 {
		t.Errorf("something was kept: %+v", s)
	}
	if r := do(t, e, bash(":")); !r.Success {
		t.Error("the slot is not free")
	}
}

func TestLIFE04_NotExecutable(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	path := filepath.Join(t.TempDir(), "ns")
	if err := os.WriteFile(path, []byte("echo hi\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, filepath.Dir(path)} {
		_, err := e.Execute(t.Context(), engine.Request{Command: engine.Exec(name)})
		wantError(t, name, err, engine.ErrNotExecutable)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	r := do(t, e, engine.Request{Command: engine.Exec(path)}) // only the kernel knows
	wantEnding(t, r, ending{engine.Failed, engine.CauseSpawn, false, engine.Actor{}})
	if !strings.Contains(r.Error, "exec format error") || r.Stdout != "" || !r.StartedAt.IsZero() {
		t.Errorf("want ENOEXEC named and no shell instead, got %q, stdout %q", r.Error, r.Stdout)
	}
	want := []engine.EventKind{engine.ExecutionAccepted, engine.ExecutionStatusChanged, engine.ExecutionFailed}
	if diff := cmp.Diff(want, kinds(watched(t, e, r.ID, 0))); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestLIFE05_WorkingDirectoryMissing(t *testing.T) {
	t.Parallel()
	_, err := open(t, engine.Config{}).Execute(t.Context(), engine.Request{Command: engine.Exec("echo", "hi"), WorkingDir: "/no/such/dir"})
	wantError(t, "Execute", err, engine.ErrWorkingDir)
	if err == nil || !strings.Contains(err.Error(), "/no/such/dir") || strings.Contains(err.Error(), "echo") {
		t.Errorf("want the directory named and not the program, got %v", err)
	}
}

func TestLIFE07_EmptyAndNUL(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	for name, r := range map[string]engine.Request{
		"no command":             {},
		"an empty program":       {Command: engine.Exec("")},
		"NUL in an argument":     {Command: engine.Exec("echo", "a\x00b")},
		"NUL in the program":     {Command: engine.Exec("ec\x00ho")},
		"NUL in a value":         {Command: engine.Exec("env"), Env: map[string]string{"A": "1\x002"}},
		"NUL in a name":          {Command: engine.Exec("env"), Env: map[string]string{"A\x00": "1"}},
		"NUL in the directory":   {Command: engine.Exec("env"), WorkingDir: "/tmp\x00"},
		"NUL in the log's path":  {Command: engine.Exec("env"), OutputLogPath: "/tmp/\x00"},
		"NUL in a shell command": {Command: engine.Shell("echo \x00")},
	} {
		_, err := e.Execute(t.Context(), r)
		wantError(t, name, err, engine.ErrInvalid)
	}
	if s := stats(t, e); s.Accepted != 0 {
		t.Errorf("something was kept: %+v", s)
	}
}

func TestLIFE08_OneArgumentOf128KiB(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	if r := do(t, e, engine.Request{Command: engine.Exec("true", strings.Repeat("x", 131071))}); !r.Success {
		t.Errorf("131071 bytes: want a success, got %s: %s", r.Status, r.Error)
	}
	_, err := e.Execute(t.Context(), engine.Request{Command: engine.Exec("true", strings.Repeat("x", 131072))})
	wantError(t, "131072 bytes", err, engine.ErrInvalid)
	if err == nil || !strings.Contains(err.Error(), "argument list too long") || !strings.Contains(err.Error(), "131072") || len(err.Error()) > 1000 {
		t.Errorf("want the size and the system's words, got %.300v", err)
	}
	var all []string // each is short enough, all together are not: only the kernel knows
	for range 40 {
		all = append(all, strings.Repeat("x", 100_000))
	}
	r := do(t, e, engine.Request{Command: engine.Exec("true", all...)})
	wantEnding(t, r, ending{engine.Failed, engine.CauseSpawn, false, engine.Actor{}})
	if !strings.Contains(r.Error, "argument list too long") {
		t.Errorf("want E2BIG in words, got %q", r.Error)
	}
}

func TestLIFE10_VeryShortRuns(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{MaxFinished: engine.Unlimited})
	ids := make([]engine.ID, times(10_000, 500))
	for i := range ids {
		ids[i] = start(t, e, engine.Request{Command: engine.Exec("printf", "fast")})
	}
	for _, id := range ids {
		r := end(t, e, id)
		if r.Stdout != "fast" || r.ExitCode != 0 || !r.Success || r.StartedAt.IsZero() {
			t.Fatalf("want fast and code 0, got %+v", r)
		}
	}
}

func TestLIFE11_ExitWithAFullPipe(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	for range times(50, 10) {
		id := start(t, e, bash(`head -c 65536 /dev/zero | tr '\0' a; exit 3`))
		events := watched(t, e, id, 0)
		var line, ending int
		for i, ev := range events {
			switch {
			case ev.Kind == engine.StdoutWritten:
				line = i
			case ev.Kind.Terminal():
				ending = i
			}
		}
		r := end(t, e, id)
		if len(r.Stdout) != 65536 || r.ExitCode != 3 || line > ending || ending != len(events)-1 || len(events[line].Line) != 65536 {
			t.Errorf("want 65536 bytes and then code 3, got %d bytes, code %d, line at %d, ending at %d", len(r.Stdout), r.ExitCode, line, ending)
		}
	}
}

// heldPipe runs a leader that leaves its output to a child.
func heldPipe(t *testing.T, line string, args ...string) engine.Result {
	t.Helper()
	request := bash(line, args...)
	request.WaitDelay = 200 * time.Millisecond
	r := do(t, open(t, engine.Config{}), request)
	if r.Duration > 20*time.Second || !r.OutputIncomplete {
		t.Errorf("want it over soon after the exit and told so, got %v, incomplete %v", r.Duration, r.OutputIncomplete)
	}
	gone(t, strings.Fields(r.Stdout)[0])
	return r
}

func TestLIFE12_GrandchildHoldsThePipeAfterSuccess(t *testing.T) {
	t.Parallel()
	r := heldPipe(t, `sleep 30 & echo $!; exit 0`)
	wantEnding(t, r, ending{engine.Completed, engine.CauseExit, false, engine.Actor{}})
}

func TestLIFE13_GrandchildHoldsThePipeAfterFailure(t *testing.T) {
	t.Parallel()
	r := heldPipe(t, `sleep 30 & echo $!; exit 7`)
	wantEnding(t, r, ending{engine.Failed, engine.CauseExit, false, engine.Actor{}})
	if r.ExitCode != 7 {
		t.Errorf("want code 7, got %d", r.ExitCode)
	}
}

func TestLIFE19_ChildStopsItself(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{Grace: 30 * time.Second})
	stopped := `trap 'echo woke; exit 5' TERM; echo $$; kill -STOP $$; while :; do sleep 0.02; done`
	id := start(t, e, bash(stopped))
	pid := string(until(t, e, id, func(ev engine.Event) bool { return len(ev.Line) > 0 }).Line)
	for state := ""; !strings.HasPrefix(state, "T"); { // it has really stopped
		out, err := exec.CommandContext(t.Context(), "ps", "-o", "stat=", "-p", pid).Output()
		if err != nil {
			t.Fatal(err)
		}
		state = strings.TrimSpace(string(out))
	}
	if x := get(t, e, id); x.Status != engine.Running {
		t.Errorf("want running, got %s", x.Status)
	}
	cancel(t, e, id, engine.Cancellation{})
	r := end(t, e, id)
	wantEnding(t, r, ending{engine.Cancelled, engine.CauseCancel, false, engine.Actor{}})
	if r.ExitCode != 5 || !strings.HasSuffix(r.Stdout, "woke\n") {
		t.Errorf("want it woken to end by itself, got code %d, %q", r.ExitCode, r.Stdout)
	}
	request := bash(stopped)
	request.Timeout = 300 * time.Millisecond
	wantEnding(t, do(t, e, request), ending{engine.TimedOut, engine.CauseTimeout, false, engine.Actor{}})
}

func TestLIFE23_ScriptThatWasJustWritten(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			path := filepath.Join(dir, strconv.Itoa(i))
			if err := os.WriteFile(path, []byte("#!/bin/sh\nexit 0\n"), 0o700); err != nil {
				t.Error(err)
				return
			}
			id, err := e.Execute(t.Context(), engine.Request{Command: engine.Exec(path)})
			if err != nil {
				t.Error(err)
				return
			}
			if r, err := e.Wait(t.Context(), id); err != nil || !r.Success {
				t.Errorf("script %d: want a success, got %s: %s, %v", i, r.Status, r.Error, err)
			}
		})
	}
	all.Wait()
}

// os/exec gives a child what this program was started with.
func TestLIFE24_LimitsAreNotOurs(t *testing.T) {
	t.Parallel()
	const line = `ulimit -Sn; ulimit -Hn; umask; nice; cat /proc/self/oom_score_adj 2>/dev/null; :`
	want, err := exec.CommandContext(t.Context(), "bash", "-c", line).Output()
	if err != nil {
		t.Fatal(err)
	}
	if r := do(t, open(t, engine.Config{}), bash(line)); r.Stdout != string(want) {
		t.Errorf("want\n%s, got\n%s", want, r.Stdout)
	}
}

func TestLIFE25_OddEnvironment(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	for _, name := range []string{"", "=x", "A=B", "A\x00"} {
		_, err := e.Execute(t.Context(), engine.Request{Command: engine.Exec("env"), Env: map[string]string{name: "1"}})
		wantError(t, fmt.Sprintf("%q", name), err, engine.ErrInvalid)
		_, err = e.Execute(t.Context(), engine.Request{Command: engine.Exec("env"), UnsetEnv: []string{name}})
		wantError(t, fmt.Sprintf("unset %q", name), err, engine.ErrInvalid)
	}
	r := do(t, e, engine.Request{Command: engine.Exec("env"), Env: map[string]string{"PATH": "/bin:/usr/bin", "EMPTY": ""}, UnsetEnv: []string{"HOME"}})
	lines := strings.Split(r.Stdout, "\n")
	count := func(prefix string) (n int) {
		for _, l := range lines {
			if strings.HasPrefix(l, prefix) {
				n++
			}
		}
		return n
	}
	if count("PATH=") != 1 || !slices.Contains(lines, "PATH=/bin:/usr/bin") || count("EMPTY=") != 1 || count("HOME=") != 0 {
		t.Errorf("want one PATH, ours; an empty EMPTY; no HOME; got\n%s", r.Stdout)
	}
	if !slices.Contains(lines, "CEE_EXECUTION_ID="+r.ID.String()) {
		t.Errorf("want the id in the environment, got\n%s", r.Stdout)
	}
}

// The program comes from the PATH of the engine, whatever the request sets.
func TestEngine_PathOfTheRequestChoosesNoProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "true"), []byte("#!/bin/sh\necho hijacked\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := do(t, open(t, engine.Config{}), engine.Request{Command: engine.Exec("true"), Env: map[string]string{"PATH": dir}})
	if !r.Success || r.Stdout != "" {
		t.Errorf("want the true of the system, got %q", r.Stdout)
	}
}

func TestLIFE28_SuccessCodes(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	with := bash("exit 2")
	with.SuccessCodes = []int{0, 2}
	wantEnding(t, do(t, e, with), ending{engine.Completed, engine.CauseExit, false, engine.Actor{}})
	r := do(t, e, bash("exit 2"))
	wantEnding(t, r, ending{engine.Failed, engine.CauseExit, false, engine.Actor{}})
	if r.ExitCode != 2 {
		t.Errorf("want code 2, got %d", r.ExitCode)
	}
}

// An inline script leaves no file behind, whatever becomes of it.
func TestEngine_RemovesInlineScripts(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	var paths bytes.Buffer
	for _, content := range []string{"#!/bin/bash\necho \"$0\"", "#!/bin/bash\necho \"$0\"; kill -9 $$"} {
		paths.WriteString(do(t, e, engine.Request{Command: engine.InlineScript(content)}).Stdout)
	}
	id := start(t, e, engine.Request{Command: engine.InlineScript("#!/bin/bash\necho \"$0\"; exec sleep 100")})
	paths.Write(until(t, e, id, func(ev engine.Event) bool { return len(ev.Line) > 0 }).Line)
	cancel(t, e, id, engine.Cancellation{Force: true})
	end(t, e, id)
	for path := range strings.FieldsSeq(paths.String()) {
		if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	if n := len(strings.Fields(paths.String())); n != 3 {
		t.Errorf("want 3 paths, got %d", n)
	}
}
