package supervisor_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/supervisor"
)

// patient is a context for waits that only a hang makes long.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// sh is a request for a line of sh, whose arguments are $1 and on.
func sh(line string, args ...string) engine.Request {
	return engine.Request{Command: engine.Exec("sh", append([]string{"-c", line, "sh"}, args...)...)}
}

// newEngine is an engine over a runner. It is not shut down: what runs goes on.
func newEngine(t *testing.T, r engine.Runner) *engine.Engine {
	t.Helper()
	e, err := engine.New(engine.Config{Runner: r})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		cancel()
		_ = e.Shutdown(ctx) // its error is that the context was done
	})
	return e
}

// start executes a request and waits until it has written a line.
func start(t *testing.T, e *engine.Engine, r engine.Request, line string) engine.ID {
	t.Helper()
	id, err := e.Execute(patient(t), r)
	if err != nil {
		t.Fatal(err)
	}
	for ev, err := range e.Watch(patient(t), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if string(ev.Line) == line {
			return id
		}
	}
	t.Fatalf("it ended without the line %q", line)
	return id
}

func wait(t *testing.T, e *engine.Engine, id engine.ID) engine.Result {
	t.Helper()
	result, err := e.Wait(patient(t), id)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// finding is an execution that was found, as an engine would have it.
type finding struct {
	control engine.Control
	journal *engine.Journal
	ended   chan engine.Ending

	mu     sync.Mutex
	phases []engine.EventKind
	begun  int
}

// find finds an execution.
func find(t *testing.T, r *supervisor.Runner, id engine.ID) (*finding, error) {
	t.Helper()
	f := &finding{journal: journal.New(&journal.Options{}), ended: make(chan engine.Ending, 2)}
	var err error
	f.control, err = r.Find(patient(t), &engine.Launch{
		ID: id, Journal: f.journal,
		Started: func() { f.begun++ },
		Phase: func(kind engine.EventKind) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.phases = append(f.phases, kind)
		},
		Ended: func(end engine.Ending) { f.ended <- end },
	})
	return f, err
}

// mustFind finds an execution that is there.
func mustFind(t *testing.T, r *supervisor.Runner, id engine.ID) *finding {
	t.Helper()
	f, err := find(t, r, id)
	if err != nil {
		t.Fatal(err)
	}
	if f.begun != 1 {
		t.Errorf("Started was called %d times", f.begun)
	}
	return f
}

// end waits for the ending, and returns what was written to stdout as well.
func (f *finding) end(t *testing.T) (engine.Ending, string) {
	t.Helper()
	select {
	case end := <-f.ended:
		if !f.journal.Closed() {
			t.Error("Ended was called before the record had its end")
		}
		head, tail := f.journal.Kept(engine.Stdout)
		return end, string(head) + string(tail)
	case <-patient(t).Done():
		t.Fatal("Ended was never called")
		return engine.Ending{}, ""
	}
}

// gate is a file that a command waits for.
type gate string

func newGate(t *testing.T) gate {
	t.Helper()
	g := gate(filepath.Join(t.TempDir(), "gate"))
	t.Cleanup(func() { g.open(t) }) // whatever the test did not come to, nobody waits for ever
	return g
}

// awaitGate is the line of sh that waits for the gate $1.
const awaitGate = `until [ -e "$1" ]; do sleep 0.02; done; `

func (g gate) open(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(string(g), nil, 0o600); err != nil {
		t.Error(err)
	}
}

// described is what execution.json says, as far as tests ask.
type described struct {
	Cgroup, Mark, Socket string
	Keeper               struct{ Pid int }
	About                json.RawMessage
}

func describedIn(t *testing.T, dir string, id engine.ID) (d described) {
	t.Helper()
	if err := folderOf(t, dir, id).Description(&d); err != nil {
		t.Fatal(err)
	}
	return d
}

func folderOf(tb testing.TB, dir string, id engine.ID) *folder.Folder {
	tb.Helper()
	state, err := folder.Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	f, err := state.Find(id.String())
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// otherEngine is an engine in a process of its own, which runs one line of sh.
type otherEngine struct {
	cmd *exec.Cmd
	id  engine.ID
}

// newOtherEngine starts one and waits for the line that its command writes first.
func newOtherEngine(t *testing.T, dir, line string, args ...string) *otherEngine {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := &otherEngine{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), self, append([]string{dir, line}, args...)...)}
	o.cmd.Env = append(os.Environ(), helperVariable+"=engine")
	o.cmd.Stderr = os.Stderr
	stdin, err := o.cmd.StdinPipe() // it lives until that ends
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := o.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close() })
	text, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if o.id, err = engine.ParseID(strings.TrimSpace(text)); err != nil {
		t.Fatal(err)
	}
	return o
}

// kill kills it.
func (o *otherEngine) kill(t *testing.T) {
	t.Helper()
	if err := o.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = o.cmd.Wait() // it was killed
}

// beEngine runs the line, says the id when there is output, and hangs.
func beEngine() error {
	r, err := supervisor.New(supervisor.Options{Dir: os.Args[1]})
	if err != nil {
		return err
	}
	e, err := engine.New(engine.Config{Runner: r})
	if err != nil {
		return err
	}
	id, err := e.Execute(context.Background(), sh(os.Args[2], os.Args[3:]...))
	if err != nil {
		return err
	}
	for ev, err := range e.Watch(context.Background(), id, 0) {
		if err != nil {
			return err
		}
		if len(ev.Line) > 0 {
			break
		}
	}
	if _, err := fmt.Fprintln(os.Stdout, id); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
