//go:build unix

package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

// sitting is somebody who sits at a terminal of 24 by 80, where a command runs.
type sitting struct {
	t      *testing.T
	screen *os.File
	code   chan int

	mu    sync.Mutex
	shown []byte
	seen  int
}

// sit runs a command on a terminal. In the end the terminal must be as it was.
func (h *home) sit(args ...string) *sitting {
	h.t.Helper()
	screen, keyboard, err := pty.Open()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := pty.Setsize(screen, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		h.t.Fatal(err)
	}
	before, err := term.GetState(int(keyboard.Fd()))
	if err != nil {
		h.t.Fatal(err)
	}
	s := &sitting{t: h.t, screen: screen, code: make(chan int, 1)}
	var both sync.WaitGroup
	both.Go(func() {
		code := cli.MainOn(h, args, keyboard, keyboard, keyboard)
		if after, err := term.GetState(int(keyboard.Fd())); err != nil || *after != *before {
			h.t.Errorf("the terminal is not as it was before: %v", err)
		}
		s.code <- code
		_ = keyboard.Close()
	})
	both.Go(s.read)
	h.t.Cleanup(func() {
		if h.t.Failed() { // it may sit there still
			h.end()
			_ = screen.Close()
		}
		both.Wait()
		_ = screen.Close()
	})
	return s
}

func (s *sitting) read() {
	buffer := make([]byte, 4<<10)
	for {
		n, err := s.screen.Read(buffer)
		s.mu.Lock()
		s.shown = append(s.shown, buffer[:n]...)
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// sees waits until a text is shown, behind what was waited for before.
func (s *sitting) sees(text string) {
	s.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	hang := time.After(30 * time.Second)
	for {
		s.mu.Lock()
		i := bytes.Index(s.shown[s.seen:], []byte(text))
		if i >= 0 {
			s.seen += i + len(text)
		}
		shown := string(s.shown)
		s.mu.Unlock()
		if i >= 0 {
			return
		}
		select {
		case <-tick.C:
		case <-hang:
			s.t.Fatalf("%q was never shown:\n%q", text, shown)
		}
	}
}

func (s *sitting) types(text string) {
	s.t.Helper()
	if _, err := s.screen.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sitting) ends(want int) {
	s.t.Helper()
	select {
	case got := <-s.code:
		if got != want {
			s.t.Errorf("exit code %d, want %d:\n%q", got, want, s.shown)
		}
	case <-time.After(30 * time.Second):
		s.t.Fatalf("it does not end:\n%q", s.shown)
	}
}

func TestTop_IsLive(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	first := h.start("echo first line; sleep 100")
	second := h.start("echo second line; sleep 100")
	h.until(func() bool { return strings.Count(h.says(0, "top", "--once").stdout, " line\n") == 2 })
	s := h.sit("top", "--interval", "10ms")
	s.sees("\x1b[?1049h")
	s.sees("2 running, 0 waiting")
	s.sees("\x1b[7m" + second.String()[:13]) // the newest is first, and selected
	s.sees("second line")
	s.types("j")
	s.sees("\x1b[7m" + first.String()[:13])
	if err := pty.Setsize(s.screen, &pty.Winsize{Rows: 10, Cols: 40}); err != nil {
		t.Fatal(err)
	}
	s.sees("cloudops  2 running, 0 waiting  ")
	s.sees("\x1b[7m" + first.String()[:13])
	s.types("c")
	s.sees("cancel " + first.String()[:20])
	s.types("n")
	s.sees("↑↓ select")
	s.types("K")
	s.sees("kill ")
	s.types("y")
	s.sees("killed it")
	s.sees("1 running")
	s.sees("\x1b[7m" + second.String()[:13])
	s.types("\r")
	s.sees("\x1b[?1049l")
	s.sees("the output of " + second.String())
	s.sees("second line")
	if err := h.Cancel(t.Context(), second, engine.Cancellation{Force: true}); err != nil {
		t.Fatal(err)
	}
	s.sees("it has ended; Enter goes back")
	s.types("\n")
	s.sees("\x1b[?1049h")
	s.sees("0 running")
	s.types("q")
	s.sees("\x1b[?1049l")
	s.ends(0)
}

func TestTop_NeedsATerminal(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	wantHas(t, "top", h.says(125, "top").stderr, "error: top needs a terminal to be live on\nhint: --once")
}

func TestAttach_TypesAtWhatReads(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.start(`echo ready; while read -r line; do echo "got $line"; done; exit 5`, func(r *engine.Request) { r.Interactive = true })
	s := h.sit("attach", "@last")
	s.sees("ready")
	s.types("hello\n")
	s.sees("got hello")
	s.types("\x04")
	s.ends(5)
}

func TestAttach_GivesATerminalOursUntilTheDetachKey(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	id := h.start(`trap 'echo interrupted; stty size' INT; echo ready; while :; do sleep 0.01; done`, func(r *engine.Request) {
		r.Terminal = &engine.TerminalSize{Rows: 5, Cols: 5}
	})
	h.until(func() bool { return h.says(0, "logs", "@last").stdout == "ready\r\n" })
	s := h.sit("attach", "@last")
	s.sees("attached to " + id.String() + "; Ctrl-] goes away\r\n")
	s.types("\x03")
	s.sees("interrupted")
	s.sees("24 80")
	if err := pty.Setsize(s.screen, &pty.Winsize{Rows: 30, Cols: 90}); err != nil {
		t.Fatal(err)
	}
	s.types("\x1d")
	s.sees("goes on; cloudops attach " + id.String())
	s.ends(0)
	if status, err := h.Status(t.Context(), id); status != engine.Running {
		t.Errorf("it is %s, %v", status, err)
	}
}

func TestAttach_EndsAsTheExecutionDid(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.did("echo done; exit 4")
	wantText(t, "attach", "done\n", h.says(4, "attach", "@last").stdout)
	h.start("kill -9 $$")
	wantHas(t, "attach", h.says(137, "attach", "@last").stderr, "error: killed by signal KILL\n")
}

func TestPrune_AsksOnATerminal(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.did("exit 0")
	h.did("exit 0")
	s := h.sit("prune", "--keep", "1")
	s.sees("Forget 1 execution, output and all? [y/N] ")
	s.types("\n")
	s.ends(125)
	s = h.sit("prune", "--keep", "1")
	s.sees("[y/N] ")
	s.types("yes\n")
	s.sees("1 execution forgotten")
	s.ends(0)
}

func TestPs_IsCutToTheTerminal(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	id := h.did("echo " + strings.Repeat("long ", 30))
	s := h.sit("ps", "-a", "--no-color")
	s.sees(id.String()[:13] + "  completed")
	s.sees("…\r\n")
	s.ends(0)
	s = h.sit("ps", "-a", "--no-trunc")
	s.sees(id.String())
	s.sees("long '")
	s.ends(0)
}

func TestPlanOnTerminal_IsDrawnAndTakenAway(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	path, open := h.gate()
	defer open()
	file := filepath.Join(t.TempDir(), "plan.yaml")
	plan := "commands:\n" +
		"- {name: waits, type: shell, command: 'echo wait for it; until [ -e " + path + " ]; do sleep 0.01; done; echo opened'}\n" +
		"- {name: fails, type: shell, command: 'echo no; exit 3'}\n"
	if err := os.WriteFile(file, []byte(plan), 0o600); err != nil {
		t.Fatal(err)
	}
	s := h.sit("plan", "run", file)
	s.sees("▸\x1b[0m waits")
	s.sees("wait for it\x1b[K\r\n0/2 over, 1 running")
	s.sees("\x1b[2A\r") // it is drawn again
	open()
	s.sees("✔\x1b[0m waits  completed after")
	s.sees("✘\x1b[0m fails  failed, exit code 3 after")
	s.sees("A\r\x1b[J") // and taken away
	s.sees("the output of fails, which failed with exit code 3:\r\nno\r\n")
	s.sees("1 completed, 1 failed\r\n")
	s.ends(1)

	quiet := h.sit("plan", "run", "--progress", "plain", file)
	quiet.sees("opened")
	quiet.ends(1)
	quiet.mu.Lock()
	defer quiet.mu.Unlock()
	if bytes.Contains(quiet.shown, []byte("\x1b[J")) {
		t.Errorf("--progress plain draws: %q", quiet.shown)
	}
}
