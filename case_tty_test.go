//go:build unix

package engine_test

import (
	"context"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

// onTerminal is a request for a line of bash on a terminal.
func onTerminal(line string) engine.Request {
	r := bash(line)
	r.Terminal = &engine.TerminalSize{}
	return r
}

func typeText(t *testing.T, e engine.API, id engine.ID, text string) {
	t.Helper()
	if n, err := e.WriteStdin(t.Context(), id, []byte(text)); n != len(text) || err != nil {
		t.Errorf("type %q: %d, %v", text, n, err)
	}
}

// Interactive is asked for: then nobody gives an end of the file but CloseStdin.
func TestLIFE15_InteractiveStdinEndsWhenItIsClosed(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	request := bash("cat; echo done")
	request.Interactive = true
	id := start(t, e, request)
	until(t, e, id, isStart)
	wantError(t, "close", e.CloseStdin(t.Context(), id), nil)
	if r := end(t, e, id); r.Stdout != "done\n" || r.Status != engine.Completed {
		t.Errorf("want it to read the end and complete, got %s, %q", r.Status, r.Stdout)
	}
}

func TestLIFE16_InteractiveStdinThatIsNeverRead(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	request := bash("sleep 0.2")
	request.Interactive = true
	id := start(t, e, request)
	n, err := e.WriteStdin(t.Context(), id, make([]byte, 10<<20))
	if err == nil || n >= 10<<20 {
		t.Errorf("want the write ended by the end of the process, got %d, %v", n, err)
	}
	wantEnding(t, end(t, e, id), ending{engine.Completed, engine.CauseExit, false, engine.Actor{}})
}

// On a terminal a prompt on /dev/tty is answered, and what is typed unseen is in
// no record.
func TestLIFE18_PasswordPromptOnATerminal(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	id := start(t, e, onTerminal(`read -s -p 'Password: ' x </dev/tty; echo; echo "has ${#x} letters"`))
	until(t, e, id, func(ev engine.Event) bool { return strings.HasPrefix(string(ev.Line), "Password: ") })
	typeText(t, e, id, "hunter2\n")
	r := end(t, e, id)
	if r.Stdout != "Password: \r\nhas 7 letters\r\n" {
		t.Errorf("stdout is %q", r.Stdout)
	}
}

func TestCLD02_PromptIsAnsweredOnATerminal(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	prompt := `read -p 'Enter a value: ' x || { echo 'EOF on prompt'; exit 1; }; echo "got $x"`
	for _, c := range []struct {
		typed, want string
		code        int
	}{{"yes\n", "Enter a value: yes\r\ngot yes\r\n", 0}, {"", "Enter a value: EOF on prompt\r\n", 1}} {
		id := start(t, e, onTerminal(prompt))
		until(t, e, id, func(ev engine.Event) bool { return strings.HasPrefix(string(ev.Line), "Enter a value: ") })
		if c.typed != "" {
			typeText(t, e, id, c.typed)
		} else {
			wantError(t, "close", e.CloseStdin(t.Context(), id), nil)
		}
		if r := end(t, e, id); r.Stdout != c.want || r.ExitCode != c.code {
			t.Errorf("typed %q: want code %d and %q, got %d and %q", c.typed, c.code, c.want, r.ExitCode, r.Stdout)
		}
	}
}

func TestCLD04_TerminalWhereOneIsAskedFor(t *testing.T) {
	t.Parallel()
	r := do(t, open(t, engine.Config{}), onTerminal(`test -t 1 && echo tty || echo notty; echo "$TERM"`))
	if r.Stdout != "tty\r\nxterm-256color\r\n" {
		t.Errorf("stdout is %q", r.Stdout)
	}
}

// A shell at work on a terminal ignores TERM. It is told as by a window that is closed,
// and its jobs, which have groups of their own, go with it.
func TestTerminal_CancelEndsAShellAndItsJobs(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	r := onTerminal("")
	r.Command = engine.Exec("bash", "--norc", "-i")
	id := start(t, e, r)
	typeText(t, e, id, "sleep 300 & sh -c 'echo job $1; exec sleep 301' sh $!\n")
	line := string(until(t, e, id, func(ev engine.Event) bool {
		return strings.HasPrefix(string(ev.Line), "job ") && !ev.Partial
	}).Line)
	cancel(t, e, id, engine.Cancellation{})
	got := end(t, e, id)
	wantEnding(t, got, ending{engine.Cancelled, engine.CauseCancel, false, engine.Actor{}})
	gone(t, strings.TrimSpace(strings.TrimPrefix(line, "job ")))
}

// Typing, resizing, extending and cancelling at once hurt nobody.
func TestTerminal_TakesEverythingAtOnce(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	for range times(50, 5) {
		id := start(t, e, onTerminal("stty -echo; cat >/dev/null"))
		done := make(chan struct{})
		calls := []func(){
			func() { _, _ = e.WriteStdin(context.Background(), id, make([]byte, 100_000)) },
			func() { _ = e.Resize(t.Context(), id, engine.TerminalSize{Rows: 3}) },
			func() { _, _ = e.Extend(t.Context(), id, 1) },
			func() { _ = e.CloseStdin(context.Background(), id) },
			func() { _ = e.Cancel(t.Context(), id, engine.Cancellation{}) },
		}
		for _, call := range calls {
			go func() {
				call()
				done <- struct{}{}
			}()
		}
		for range calls {
			<-done
		}
		if r := end(t, e, id); !r.Status.Terminal() {
			t.Errorf("it has not ended: %s", r.Status)
		}
	}
}
