package enginetest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// patience bounds every wait of a suite: it is for engines that hang, and far
// above what a slow machine needs.
const patience = 2 * time.Minute

// one is a case of a suite: a name that says what holds, why it matters, which
// is printed when it fails, and the proof.
type one struct {
	name, why string
	run       func(b *bench)
}

// bench is what a case works with: an engine of its own, and the calls that a
// case would otherwise spell out.
type bench struct {
	engine.API

	t   *testing.T
	spy *spy // nil in TestEngine
}

// play runs the cases, each with a bench of its own.
func playAll(t *testing.T, cases []one, open func(t *testing.T) *bench) {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("enginetest needs sh on PATH: ", err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("what should hold, and why: %s", c.why)
				}
			})
			b := open(t)
			t.Cleanup(func() { b.shutdown(t) })
			b.t = t
			c.run(b)
		})
	}
}

// patient is a context that ends with the test, or when patience does.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	t.Cleanup(cancel)
	return ctx
}

// shutdown ends the engine of a case and what it left running.
func (b *bench) shutdown(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cancel()
	_ = b.Shutdown(ctx) // its error is that the context was done
}

// sh is a request for a line of sh. Its arguments are $1 and on.
func sh(line string, args ...string) engine.Request {
	return engine.Request{Command: engine.Exec("sh", append([]string{"-c", line, "sh"}, args...)...), Grace: 30 * time.Second}
}

// start executes a request that must be accepted.
func (b *bench) start(t *testing.T, r engine.Request) engine.ID {
	t.Helper()
	id, err := b.Execute(patient(t), r)
	if err != nil {
		t.Fatalf("execute %s: %v", r.Command, err)
	}
	return id
}

// end waits for an execution to end.
func (b *bench) end(t *testing.T, id engine.ID) engine.Result {
	t.Helper()
	r, err := b.Wait(patient(t), id)
	if err != nil {
		t.Fatalf("wait for %s: %v", id, err)
	}
	return r
}

// do executes a request and waits for its end.
func (b *bench) do(t *testing.T, r engine.Request) engine.Result {
	t.Helper()
	return b.end(t, b.start(t, r))
}

// until watches an execution until an event satisfies the condition.
func (b *bench) until(t *testing.T, id engine.ID, condition func(engine.Event) bool) {
	t.Helper()
	for ev, err := range b.Watch(patient(t), id, 0) {
		if err != nil {
			t.Fatalf("watch %s: %v", id, err)
		}
		if condition(ev) {
			return
		}
	}
	t.Fatalf("execution %s ended before what was waited for", id)
}

// printed is a condition: this line was written.
func printed(line string) func(engine.Event) bool {
	return func(ev engine.Event) bool { return string(ev.Line) == line }
}

// started is a condition.
func started(ev engine.Event) bool { return ev.Kind == engine.ExecutionStarted }

// events are all events of an execution from a cursor on, up to its last.
func (b *bench) events(t *testing.T, id engine.ID, from engine.Cursor) []engine.Event {
	t.Helper()
	all := []engine.Event{}
	for ev, err := range b.Watch(patient(t), id, from) {
		if err != nil {
			t.Fatalf("watch %s from %d: %v", id, from, err)
		}
		if !ev.Partial { // whether those come depends on time
			all = append(all, ev)
		}
	}
	return all
}

// output is what an execution wrote from a cursor on, by stream.
func (b *bench) output(t *testing.T, id engine.ID, from engine.Cursor) map[engine.Stream]string {
	t.Helper()
	all := make(map[engine.Stream]string)
	for o, err := range b.Output(patient(t), id, from) {
		if err != nil {
			t.Fatalf("output of %s from %d: %v", id, from, err)
		}
		all[o.Stream] += string(o.Data)
	}
	return all
}

// gate is a file that a command waits for: commands wait for a test without
// either waiting for time.
type gate string

func newGate(t *testing.T) gate {
	t.Helper()
	return gate(filepath.Join(t.TempDir(), "gate"))
}

// awaitGate is the line of sh that waits for the gate $1.
const awaitGate = `until [ -e "$1" ]; do sleep 0.02; done; `

func (g gate) open(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(string(g), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// asJSON is a value as it looks to whoever is behind a wire: what two views of
// the same thing must agree on.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// want compares.
func want[T comparable](t *testing.T, what string, want, got T) {
	t.Helper()
	if want != got {
		t.Errorf("%s: want %v, got %v", what, want, got)
	}
}

// wantActor wants who asked, or somebody on their behalf: an engine that knows who it has let
// in records that, and what they said of themselves beside it.
func wantActor(t *testing.T, want, got engine.Actor) {
	t.Helper()
	said := want.OnBehalfOf
	if said == "" {
		said = string(want.Kind) + ":" + want.Name
	}
	if got != want && got.OnBehalfOf != said {
		t.Errorf("actor: want %v, or somebody on behalf of %s, got %v", want, said, got)
	}
}

// newID makes an id as a caller would: a random UUID.
func newID(t *testing.T) engine.ID {
	t.Helper()
	var id engine.ID
	if _, err := rand.Read(id[:]); err != nil {
		t.Fatal(err)
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}
