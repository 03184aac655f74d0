package process_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// onTerminal is a shell command on a terminal of 24 by 80.
func onTerminal(command string) process.Spec {
	spec := sh(command)
	spec.Terminal = &process.Size{Rows: 24, Cols: 80}
	return spec
}

// tables are one for each way there is to start a process.
func tables(t *testing.T) map[string]*process.Table {
	t.Helper()
	portable := open(t)
	process.ForceForkExec(portable)
	return map[string]*process.Table{"raw": open(t), "forkexec": portable}
}

func TestTerminal_IsStdinStdoutStderrAndControls(t *testing.T) {
	t.Parallel()
	for name, table := range tables(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Fields of stat behind the name: state, parent, group, session, terminal, group in front.
			_, w := start(t, table, onTerminal(`test -t 0 && test -t 1 && test -t 2 && echo terminal
			echo to stderr >&2; echo to tty >/dev/tty; stty size
			set -- $(sed 's/.*) //' /proc/$$/stat); echo $$ $3 $4 $6; ls -l /proc/self/fd | grep -c ptmx`))
			within(t, "end", w.ended)
			lines := strings.Split(w.text(process.Stdout), "\r\n")
			want := []string{"terminal", "to stderr", "to tty", "24 80"}
			if !slices.Equal(lines[:min(4, len(lines))], want) {
				t.Fatalf("stdout is %q, want it to begin with %q", lines, want)
			}
			if ids := strings.Fields(lines[4]); ids[1] != ids[0] || ids[2] != ids[0] || ids[3] != ids[0] {
				t.Errorf("process, group, session and group in front are %q, want all the same", ids)
			}
			if lines[5] != "0" {
				t.Errorf("it has %s descriptors of our end of the terminal", lines[5])
			}
			if got := w.text(process.Stderr); got != "" {
				t.Errorf("stderr is %q, want nothing: a terminal is one stream", got)
			}
		})
	}
}

func TestTerminal_IsTypedOnAndReadsTheEnd(t *testing.T) {
	t.Parallel()
	for name, table := range tables(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, w := start(t, table, onTerminal(`stty -echo; echo ready; read line; echo "got $line"; cat; echo the end`))
			within(t, "ready", w.lines)
			write(t, p, "yes\n")
			if got := within(t, "answer", w.lines); got != "got yes" {
				t.Errorf("it says %q", got)
			}
			if err := p.CloseStdin(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := within(t, "end of cat", w.lines); got != "the end" {
				t.Errorf("after the end of file it says %q", got)
			}
			within(t, "end", w.ended)
		})
	}
}

// Ctrl-C is a byte that the terminal turns into a signal.
func TestTerminal_TurnsControlBytesIntoSignals(t *testing.T) {
	t.Parallel()
	p, w := start(t, open(t), onTerminal(`trap 'echo interrupted; exit 4' INT; echo ready; while :; do sleep 0.01; done`))
	within(t, "ready", w.lines)
	write(t, p, "\x03")
	within(t, "end", w.ended)
	if got := w.text(process.Stdout); !strings.HasSuffix(got, "interrupted\r\n") || w.state.Code != 4 {
		t.Errorf("it says %q and ends with %+v", got, w.state)
	}
}

func TestResize_ReachesTheProgram(t *testing.T) {
	t.Parallel()
	p, w := start(t, open(t), onTerminal(`trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done`))
	within(t, "ready", w.lines)
	if err := p.Resize(process.Size{Rows: 50, Cols: 132}); err != nil {
		t.Fatal(err)
	}
	if got := within(t, "size", w.lines); got != "50 132" {
		t.Errorf("its size is %q", got)
	}
	within(t, "end", w.ended)
	p.Close()
	if err := p.Resize(process.Size{Rows: 1, Cols: 1}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: want %v, got %v", os.ErrClosed, err)
	}
	p, _ = start(t, open(t), sh(":"))
	if err := p.Resize(process.Size{}); !errors.Is(err, process.ErrNoTerminal) {
		t.Errorf("without a terminal: want %v, got %v", process.ErrNoTerminal, err)
	}
}

// What was written right before the exit is all there, however much it is: a short
// read does not prove that a terminal has no more.
func TestTerminal_LosesNoByte(t *testing.T) {
	t.Parallel()
	for name, table := range tables(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want strings.Builder
			for i := range 50_000 {
				want.WriteString(strconv.Itoa(i+1) + "\r\n")
			}
			_, w := start(t, table, onTerminal(`seq 1 50000`))
			within(t, "end", w.ended)
			if got := w.text(process.Stdout); got != want.String() {
				t.Errorf("%d bytes, want %d, the same", len(got), want.Len())
			}
			var all sync.WaitGroup
			slots := make(chan struct{}, 8)
			for range 100 {
				slots <- struct{}{}
				all.Go(func() {
					defer func() { <-slots }()
					w := newWatched()
					p, err := table.Start(onTerminal("echo first; printf fast"), w)
					if err != nil {
						t.Error(err)
						return
					}
					within(t, "end", w.ended)
					p.Close()
					if got := w.text(process.Stdout); got != "first\r\nfast" {
						t.Errorf("stdout is %q", got)
					}
				})
			}
			all.Wait()
		})
	}
}

// Megabytes typed at a program that echoes them all come back: neither side waits
// for the other for ever.
func TestTerminal_TakesMegabytes(t *testing.T) {
	t.Parallel()
	p, w := start(t, open(t), onTerminal(`stty raw -echo; echo ready; exec head -c 1000000`))
	within(t, "ready", w.lines)
	text := strings.Repeat("0123456789", 100_000)
	write(t, p, text)
	within(t, "end", w.ended)
	if got := strings.TrimPrefix(w.text(process.Stdout), "ready\n"); got != text {
		t.Errorf("%d bytes came back, want %d, the same", len(got), len(text))
	}
}

// A member of the session keeps the terminal when the program has left: it is one
// more that holds the stream, until the group is killed or the stream given up.
func TestTerminal_CanBeHeldAndGivenUp(t *testing.T) {
	t.Parallel()
	p, w := start(t, open(t), onTerminal(`trap '' HUP; sleep 300 & echo $!`))
	pid, err := strconv.Atoi(within(t, "pid", w.lines))
	if err != nil {
		t.Fatal(err)
	}
	within(t, "exit", w.exited)
	p.GiveUp()
	within(t, "end", w.ended)
	p.Close()
	gone(t, pid)
}

func TestTerminal_RefusesWhatTheSystemRefuses(t *testing.T) {
	t.Parallel()
	for name, table := range tables(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := process.Spec{Path: "/no/such/program", Args: []string{"x"}, Terminal: &process.Size{}}
			if _, err := table.Start(spec, newWatched()); !errors.Is(err, syscall.ENOENT) {
				t.Errorf("start: want %v, got %v", syscall.ENOENT, err)
			}
		})
	}
}

// It counts descriptors, so that it runs alone.
func TestClose_LeavesNothingOfATerminalOrAnInput(t *testing.T) {
	table := open(t)
	before := descriptors(t)
	for range 20 {
		for _, spec := range []process.Spec{onTerminal("read x"), interactive("read x")} {
			w := newWatched()
			p, err := table.Start(spec, w)
			if err != nil {
				t.Fatal(err)
			}
			write(t, p, "x\n")
			within(t, "end", w.ended)
			p.Close()
			if _, err := p.Write(context.Background(), []byte("x")); !errors.Is(err, process.ErrNoStdin) {
				t.Fatalf("write after Close: want %v, got %v", process.ErrNoStdin, err)
			}
		}
		_, _ = table.Start(process.Spec{Path: "/none", Args: []string{"x"}, Terminal: &process.Size{}}, newWatched())
		_, _ = table.Start(process.Spec{Path: "/none", Args: []string{"x"}, Interactive: true}, newWatched())
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func write(t *testing.T, p *process.Process, text string) {
	t.Helper()
	n, err := p.Write(t.Context(), []byte(text))
	if n != len(text) || err != nil {
		t.Errorf("write %d bytes: %d, %v", len(text), n, err)
	}
}
