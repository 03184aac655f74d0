//go:build linux

package process_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// The test binary is its own fixture: with this variable it is one of the tiny
// programs below instead of a test.
const fixtureVariable = "PROCESS_TEST_FIXTURE"

func TestMain(m *testing.M) {
	process.ReaperMain()
	if name := os.Getenv(fixtureVariable); name != "" {
		fixtures()[name]()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func fixtures() map[string]func() {
	return map[string]func(){
		"limits":      limitsFixture,
		"descriptors": descriptorsFixture,
		"handed on":   handedOnFixture,
		"refused":     refusedFixture,
		"nested":      nestedFixture,
		"hog":         hogFixture,
		"mannered":    manneredFixture,
		"killed":      killedFixture,
		"fills":       fillsFixture,
		// Says ready, and then which signals came, one a line, until QUIT.
		"signals": func() {
			caught := make(chan os.Signal, 10)
			signal.Notify(caught, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGCONT)
			say("ready")
			for s := range caught {
				say(s)
				if s == syscall.SIGQUIT {
					return
				}
			}
		},
		// Copies stdin to stdout and says on stderr how much it was.
		"copy": func() {
			n, _ := io.Copy(os.Stdout, os.Stdin)
			fmt.Fprintln(os.Stderr, n)
		},
		// Leaves a member of its session behind that holds stdout, and exits 7.
		"leave": func() {
			cmd := exec.CommandContext(context.Background(), "sleep", "300")
			cmd.Stdout = os.Stdout
			_ = cmd.Start()
			say(cmd.Process.Pid)
			os.Exit(7)
		},
		// Leaves a process in a session of its own behind, and exits 0.
		"escape": func() {
			cmd := exec.CommandContext(context.Background(), "sleep", "300")
			cmd.Stdout = os.Stdout
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			_ = cmd.Start()
			say(cmd.Process.Pid)
		},
	}
}

func say(what any) { _, _ = fmt.Fprintln(os.Stdout, what) }

// watched is an observer that keeps everything it hears.
type watched struct {
	mu     sync.Mutex
	out    [3][]byte
	lines  chan string // lines of stdout, as they come
	rest   []byte
	eof    [3]bool
	state  process.State
	ended  chan struct{} // closed at the last of Exited and both EOFs
	exited chan struct{}
	left   int
}

func newWatched() *watched {
	return &watched{lines: make(chan string, 1000), ended: make(chan struct{}), exited: make(chan struct{}), left: 3}
}

func (w *watched) Output(stream int, p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out[stream] = append(w.out[stream], p...)
	if stream != process.Stdout {
		return
	}
	w.rest = append(w.rest, p...)
	for {
		advance, line, _ := bufio.ScanLines(w.rest, false)
		if advance == 0 {
			return
		}
		select {
		case w.lines <- string(line):
		default:
		}
		w.rest = w.rest[advance:]
	}
}

func (w *watched) EOF(stream int) {
	w.mu.Lock()
	w.eof[stream] = true
	w.mu.Unlock()
	w.step()
}

func (w *watched) Exited(s process.State) {
	w.mu.Lock()
	w.state = s
	w.mu.Unlock()
	close(w.exited)
	w.step()
}

func (w *watched) step() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left--; w.left == 0 {
		close(w.ended)
	}
}

// silent reports whether both streams have ended.
func (w *watched) silent() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.eof[process.Stdout] && w.eof[process.Stderr]
}

func (w *watched) text(stream int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.out[stream])
}

// containments are those that can be had here: what holds for trees holds in each.
func containments(t *testing.T) (all []process.Containment) {
	t.Helper()
	for _, c := range []process.Containment{process.InCgroup, process.InReaper, process.InGroup} {
		table, err := process.NewTable(process.Options{Containment: c})
		if err != nil {
			t.Logf("not tested in a %s: %v", c, err)
			continue
		}
		if err := table.Close(); err != nil {
			t.Error(err)
		}
		all = append(all, c)
	}
	return all
}

// open returns a table that is closed, empty, at the end of the test.
func open(t *testing.T) *process.Table {
	t.Helper()
	return openAs(t, "")
}

// openAs is open with a containment.
func openAs(t *testing.T, c process.Containment) *process.Table {
	t.Helper()
	table, err := process.NewTable(process.Options{Containment: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Errorf("close the table: %v", err)
		}
	})
	return table
}

// start starts a program; it is closed at the end of the test.
func start(t *testing.T, table *process.Table, spec process.Spec) (*process.Process, *watched) {
	t.Helper()
	if spec.Path == "" {
		spec.Path = "/bin/sh"
	}
	if spec.Env == nil {
		spec.Env = os.Environ()
	}
	w := newWatched()
	p, err := table.Start(spec, w)
	if err != nil {
		t.Fatalf("start %q: %v", spec.Args, err)
	}
	t.Cleanup(p.Close)
	return p, w
}

// sh is a shell command.
func sh(command string) process.Spec {
	return process.Spec{Path: "/bin/sh", Args: []string{"sh", "-c", command}}
}

// fixture is one of the programs above.
func fixture(t *testing.T, name string, env ...string) process.Spec {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return process.Spec{
		Path: self, Args: []string{self},
		Env: append(append(os.Environ(), fixtureVariable+"="+name), env...),
	}
}

// unique is a mark that no process of another test has, nor of another run of this one at
// the same time: what carries it is found among all of the machine, and ended.
func unique(t *testing.T) string {
	t.Helper()
	return "PROCESS_TEST_MARK=" + strconv.FormatUint(rand.Uint64(), 36)
}

// within waits for a channel, far longer than it should take.
func within[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(2 * time.Minute):
		t.Fatalf("%s: nothing after two minutes", what)
	}
	return *new(T)
}
