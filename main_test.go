package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

// helperVariable names what this binary does instead of testing.
const helperVariable = "ENGINE_TEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helperVariable) != "unhooked" {
		engine.ReaperMain()
	}
	switch helper := os.Getenv(helperVariable); helper {
	case "":
		goleak.VerifyTestMain(m)
	case "base", "churn", "ten":
		if err := map[string]func() error{"base": measureBase, "churn": churn, "ten": runTen}[helper](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "unhooked":
		sayContainments()
	default:
		fmt.Fprintf(os.Stderr, "there is no helper %q\n", helper)
		os.Exit(2)
	}
}

// full says whether the slow proofs run in full.
func full() bool { return os.Getenv("CLOUDOPS_TEST_FULL") == "1" }

// times is how often a case repeats: as often as it says with
// CLOUDOPS_TEST_FULL=1, else a tenth or less.
func times(all, short int) int {
	if full() {
		return all
	}
	return short
}

// scripted is an engine whose executions are scripts: those given, and ok, fail,
// second, hang and deaf.
func scripted(t *testing.T, c engine.Config, more enginetest.Scripts) (*engine.Engine, *enginetest.Runner) {
	t.Helper()
	scripts := enginetest.Scripts{
		"ok":     {},
		"fail":   {ExitCode: 3},
		"second": {Runs: time.Second},
		"hang":   {Hangs: true},
		"deaf":   {Hangs: true, IgnoresStop: true},
	}
	maps.Copy(scripts, more)
	r := &enginetest.Runner{Scripts: scripts}
	c.Runner = r
	return open(t, c), r
}

// open makes an engine that ends with the test.
func open(t *testing.T, c engine.Config) *engine.Engine {
	t.Helper()
	e, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Shutdown(past(t)) })
	return e
}

// past is a context that is done.
func past(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cancel()
	return ctx
}

// play is a request for a script.
func play(name string, args ...string) engine.Request {
	return engine.Request{Command: enginetest.Command(name, args...)}
}

// bash is a request for a line of bash.
func bash(line string, args ...string) engine.Request {
	return engine.Request{Command: engine.Exec("bash", append([]string{"-c", line, "bash"}, args...)...)}
}

// start executes a request that must be accepted.
func start(t *testing.T, e engine.API, r engine.Request) engine.ID {
	t.Helper()
	id, err := e.Execute(t.Context(), r)
	if err != nil {
		t.Fatalf("execute: %v", err)
	}
	return id
}

// end waits for an execution to end.
func end(t *testing.T, e engine.API, id engine.ID) engine.Result {
	t.Helper()
	r, err := e.Wait(context.WithoutCancel(t.Context()), id)
	if err != nil {
		t.Fatalf("wait: %v", err)
	}
	return r
}

func do(t *testing.T, e engine.API, r engine.Request) engine.Result {
	t.Helper()
	return end(t, e, start(t, e, r))
}

// status is what Status says once nothing moves any more, in a bubble.
func status(t *testing.T, e engine.API, id engine.ID) engine.Status {
	t.Helper()
	synctest.Wait()
	s, err := e.Status(t.Context(), id)
	if err != nil {
		t.Fatalf("status: %v", err)
	}
	return s
}

func cancel(t *testing.T, e engine.API, id engine.ID, c engine.Cancellation) {
	t.Helper()
	if err := e.Cancel(t.Context(), id, c); err != nil {
		t.Fatalf("cancel: %v", err)
	}
}

func stats(t *testing.T, e engine.API) engine.Stats {
	t.Helper()
	s, err := e.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(t *testing.T, e engine.API, id engine.ID) engine.Execution {
	t.Helper()
	x, err := e.Get(t.Context(), id)
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	return x
}

// watched are the events of an execution from a cursor on; those of lines
// without an end, which depend on time, left out.
func watched(t *testing.T, e engine.API, id engine.ID, from engine.Cursor) []engine.Event {
	t.Helper()
	all := []engine.Event{}
	for ev, err := range e.Watch(context.WithoutCancel(t.Context()), id, from) {
		if err != nil {
			t.Fatalf("watch %s from %d: %v", id, from, err)
		}
		if !ev.Partial {
			all = append(all, ev)
		}
	}
	return all
}

// until watches until a condition holds, and fails if it never does.
func until(t *testing.T, e engine.API, id engine.ID, condition func(engine.Event) bool) engine.Event {
	t.Helper()
	for ev, err := range e.Watch(t.Context(), id, 0) {
		if err != nil {
			t.Fatalf("watch: %v", err)
		}
		if condition(ev) {
			return ev
		}
	}
	t.Fatalf("execution %s ended before what was waited for", id)
	return engine.Event{}
}

func printed(line string) func(engine.Event) bool {
	return func(ev engine.Event) bool { return string(ev.Line) == line && !ev.Partial }
}

func isStart(ev engine.Event) bool { return ev.Kind == engine.ExecutionStarted }

func kinds(events []engine.Event) []engine.EventKind {
	all := make([]engine.EventKind, len(events))
	for i := range events {
		all[i] = events[i].Kind
	}
	return all
}

// pass lets time pass in a bubble.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: want %v, got %v", what, want, err)
	}
}
