package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// aside is a sidecar and its host.
type aside struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Reader
	asked int
	notes []said
}

// said is a frame.
type said struct {
	ID     json.RawMessage
	Method string
	Params struct {
		Subscription, Batch int64
		Engine              string
		OnExit              string `json:"on_exit"`
		Body                struct {
			Events []struct {
				EventType string `json:"event_type"`
				Line      string
			}
			Chunks []struct{ Data []byte }
		}
	}
	Result json.RawMessage
	Error  *struct {
		Message string
		Data    struct{ Code string }
	}
}

// modes are the places where a sidecar runs commands: its flags, and what it says of itself.
func modes() map[string]func(t *testing.T, home string) []string {
	return map[string]func(t *testing.T, home string) []string{
		"process": func(*testing.T, string) []string { return nil },
		"durable": func(*testing.T, string) []string { return []string{"--durable", "--on-exit", "cancel"} },
		"remote": func(t *testing.T, home string) []string {
			t.Helper()
			socket := filepath.Join(home, "d", "sock")
			daemon := program(t, home, "serve", "--ephemeral", "--socket", socket)
			listening, err := daemon.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := daemon.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := daemon.Process.Signal(os.Interrupt); err != nil {
					t.Error(err)
				}
				if err := daemon.Wait(); err != nil {
					t.Error(err)
				}
			})
			if _, err := bufio.NewReader(listening).ReadString('\n'); err != nil {
				t.Fatalf("the daemon does not listen: %v", err)
			}
			return []string{"--connect", "unix://" + socket, "--on-exit", "cancel"}
		},
	}
}

// program is cloudops with a home of its own.
func program(t *testing.T, home string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("cloudops")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path, args...)
	cmd.Dir, cmd.Stderr = home, os.Stderr
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=10", "GOCOVERDIR=" + home}
	return cmd
}

// asideIn has a sidecar with this home, and its hello.
func asideIn(t *testing.T, home string, args ...string) (a *aside, hello said) {
	t.Helper()
	a = &aside{t: t, cmd: program(t, home, append([]string{"sidecar"}, args...)...)}
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if a.in, err = a.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	a.lines = bufio.NewReader(out)
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return a, a.frame()
}

func (a *aside) frame() (f said) {
	a.t.Helper()
	line, err := a.lines.ReadString('\n')
	if err != nil {
		a.t.Fatalf("read a frame: %v", err)
	}
	if err := json.Unmarshal([]byte(line), &f); err != nil {
		a.t.Fatalf("%s: %v", line, err)
	}
	return f
}

// ask makes a call and reads its answer.
func (a *aside) ask(method string, params any) said {
	a.t.Helper()
	a.asked++
	data, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": a.asked, "method": method, "params": params})
	if err != nil {
		a.t.Fatal(err)
	}
	if _, err := a.in.Write(append(data, '\n')); err != nil {
		a.t.Fatal(err)
	}
	for {
		f := a.frame()
		if f.Method == "" {
			if string(f.ID) != fmt.Sprint(a.asked) {
				a.t.Fatalf("an answer to %s, want one to %d", f.ID, a.asked)
			}
			return f
		}
		a.notes = append(a.notes, f)
	}
}

type fields = map[string]any

// get is a field of a type.
func get[T any](t *testing.T, of fields, name string) T {
	t.Helper()
	v, ok := of[name].(T)
	if !ok {
		t.Fatalf("%s is %v of %v", name, of[name], of)
	}
	return v
}

// call makes a call that is done.
func (a *aside) call(method string, params any) (result fields) {
	a.t.Helper()
	f := a.ask(method, params)
	if f.Error != nil {
		a.t.Fatalf("%s: %s (%s)", method, f.Error.Message, f.Error.Data.Code)
	}
	if err := json.Unmarshal(f.Result, &result); err != nil {
		a.t.Fatal(err)
	}
	return result
}

// shell executes a line of sh, and says what is different about it.
func (a *aside) shell(line string, different fields) string {
	a.t.Helper()
	r := fields{"command": fields{"type": "shell", "command": line, "shell": "sh"}}
	maps.Copy(r, different)
	return get[string](a.t, a.call("Execute", r), "id")
}

// stream reads a subscription to its end.
func (a *aside) stream() (text string) {
	a.t.Helper()
	for {
		if len(a.notes) == 0 {
			a.notes = append(a.notes, a.frame())
		}
		f := a.notes[0]
		a.notes = a.notes[1:]
		for _, ev := range f.Params.Body.Events {
			text += ev.EventType + " " + ev.Line + "\n"
		}
		for _, c := range f.Params.Body.Chunks {
			text += string(c.Data)
		}
		if f.Method == "end" {
			return text
		}
	}
}

// number reads a subscription up to a line that is a number.
func (a *aside) number() (n int) {
	a.t.Helper()
	for {
		if len(a.notes) == 0 {
			a.notes = append(a.notes, a.frame())
		}
		for _, ev := range a.notes[0].Params.Body.Events {
			if n, err := strconv.Atoi(ev.Line); err == nil {
				return n
			}
		}
		a.notes = a.notes[1:]
	}
}

// end closes stdin and waits.
func (a *aside) end() {
	a.t.Helper()
	if err := a.in.Close(); err != nil {
		a.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, a.lines); err != nil {
		a.t.Fatal(err)
	}
	if err := a.cmd.Wait(); err != nil {
		a.t.Errorf("it ends with %v", err)
	}
}

// Every verb works wherever commands run.
func TestSidecar_HasEveryVerbEverywhere(t *testing.T) {
	t.Parallel()
	for mode, flags := range modes() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			a, hello := asideIn(t, home, flags(t, home)...)
			if hello.Method != "hello" || hello.Params.Engine != mode || hello.Params.OnExit != "cancel" {
				t.Errorf("hello is %+v", hello)
			}
			a.call("Ping", fields{})
			if info := a.call("Info", fields{}); info["capabilities"] == nil {
				t.Errorf("info is %v", info)
			}
			a.converse()
			a.look()
			left := a.shell("echo $$; exec sleep 100", nil)
			if f := a.ask("Get", fields{"id": "019a5c1e-7a4b-7c3d-9e2f-0123456789ab"}); f.Error == nil || f.Error.Data.Code != "not_found" {
				t.Errorf("one that is not known is answered with %+v", f)
			}
			a.call("Watch", fields{"executions": []fields{{"id": left}}})
			pid := a.number()
			a.end()
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("what ran yet at the end is left: %v", err)
			}
		})
	}
}

// converse types at a command on a terminal.
func (a *aside) converse() {
	a.t.Helper()
	id := a.shell(`read x; echo "got $x"; stty size; read y; echo "then $y"; cat`, fields{"terminal": fields{"rows": 20, "cols": 70}})
	a.call("Resize", fields{"id": id, "rows": 33, "cols": 99})
	a.call("AddSecrets", fields{"id": id, "secrets": []string{"correct-horse"}})
	a.call("ExtendDeadline", fields{"id": id, "by_ms": "60000"})
	if n := a.call("WriteStdin", fields{"id": id, "data": []byte("one\ncorrect-horse\n")})["written"]; n != 18.0 {
		a.t.Errorf("%v bytes were written", n)
	}
	a.call("CloseStdin", fields{"id": id})
	r := get[fields](a.t, a.call("Wait", fields{"id": id}), "result")
	if out := get[string](a.t, r, "stdout"); !strings.Contains(out, "got one") || !strings.Contains(out, "33 99") || !strings.Contains(out, "then [REDACTED]") {
		a.t.Errorf("it says %q", out)
	}
	a.call("ReadOutput", fields{"id": id})
	if out := a.stream(); out != r["stdout"] {
		a.t.Errorf("its output is %q, and in the result %q", out, r["stdout"])
	}
}

// look runs two, looks at them in all ways, and forgets one.
func (a *aside) look() {
	a.t.Helper()
	batch := get[[]any](a.t, a.call("ExecuteBatch", fields{"requests": []fields{
		{"command": fields{"type": "exec", "program": "echo", "args": []string{"a\rb"}}},
		{"command": fields{"type": "exec", "program": "no-such-program"}},
	}}), "outcomes")
	ran, isRan := batch[0].(fields)
	failed, isFailed := batch[1].(fields)
	if !isRan || !isFailed {
		a.t.Fatalf("outcomes are %v", batch)
	}
	id := get[string](a.t, ran, "id")
	if failed := get[fields](a.t, failed, "error"); failed["code"] != "program_not_found" {
		a.t.Errorf("the second is answered with %v", batch[1])
	}
	a.call("Watch", fields{"executions": []fields{{"id": id}}, "without_output": true})
	if events := a.stream(); !strings.Contains(events, "stdout a\rb\n") || !strings.HasSuffix(events, "completed \n") {
		a.t.Errorf("its events are %s", events)
	}
	if x := get[fields](a.t, a.call("Get", fields{"id": id}), "execution"); x["status"] != "completed" {
		a.t.Errorf("it is %v", x)
	}
	if all := get[[]any](a.t, a.call("List", fields{"filter": fields{"program": "echo"}}), "executions"); len(all) != 1 {
		a.t.Errorf("%d are listed", len(all))
	}
	if stats := get[fields](a.t, a.call("Stats", nil), "stats"); stats["completed"] != "2" {
		a.t.Errorf("stats are %v", stats)
	}
	gone := a.shell("sleep 100", nil)
	a.call("Cancel", fields{"id": gone, "force": true})
	if r := get[fields](a.t, a.call("Wait", fields{"id": gone, "without_output": true}), "result"); r["status"] != "cancelled" {
		a.t.Errorf("it ended %v", r)
	}
	if f := a.ask("Delete", fields{"ids": []string{id}}); f.Error != nil && f.Error.Data.Code != "unsupported" {
		a.t.Errorf("to forget it is answered with %+v", f.Error)
	}
	a.call("Delete", fields{"overdue": true})
}

// A host that does not read for long costs no memory, whatever a command writes meanwhile
// and however the host watches it. When it reads again it has what is kept, and is told of
// the rest.
func TestSidecar_StandsAHostThatDoesNotRead(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	told := filepath.Join(home, "told")
	if err := syscall.Mkfifo(told, 0o600); err != nil {
		t.Fatal(err)
	}
	a, _ := asideIn(t, home, "--window", "0")
	line := strings.Repeat("0123456789", 10)
	size := 300_000_000
	if os.Getenv("CLOUDOPS_TEST_FULL") == "1" {
		size = 1_000_000_000
	}
	id := a.shell(fmt.Sprintf("yes %s | head -c %d; echo >%s; cat %[3]s", line, size, told), fields{"limits": fields{"output_bytes": 2 << 20}})
	for range 2 {
		a.call("Watch", fields{"executions": []fields{{"id": id}}})
		a.call("ReadOutput", fields{"id": id})
	}
	if _, err := os.ReadFile(told); err != nil { // it has written it all
		t.Fatal(err)
	}
	if peak := peakMemory(t, a.cmd.Process.Pid); peak > 256<<20 {
		t.Errorf("the sidecar has needed %d MiB", peak>>20)
	}
	if err := os.WriteFile(told, []byte("go\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ends, gap, lines := 0, false, 0
	for ends < 4 {
		if len(a.notes) == 0 {
			a.notes = append(a.notes, a.frame())
		}
		for _, ev := range a.notes[0].Params.Body.Events {
			gap = gap || ev.EventType == "gap"
			if ev.Line == line {
				lines++
			}
		}
		if a.notes[0].Method == "end" {
			ends++
		}
		a.notes = a.notes[1:]
	}
	if !gap || lines == 0 {
		t.Errorf("%d lines came, and a gap: %v", lines, gap)
	}
	a.end()
}

// peakMemory is the most that a process has had in memory, in bytes.
func peakMemory(t *testing.T, pid int) (bytes int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(rest, &bytes); err != nil {
		t.Fatal(err)
	}
	t.Logf("peak memory: %d MiB", bytes>>10)
	return bytes << 10
}
