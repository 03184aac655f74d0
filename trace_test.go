package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

const (
	someParent  = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	otherParent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
)

// A program finds its trace in its environment, instead of what the engine's own process
// has there, and a request may say otherwise. Not parallel: it sets variables.
func TestTrace_IsInTheEnvironment(t *testing.T) {
	t.Setenv("TRACEPARENT", otherParent)
	t.Setenv("TRACESTATE", "inherited=1")
	e := open(t, engine.Config{})
	for name, c := range map[string]struct {
		request engine.Request
		want    string
	}{
		"none":             {engine.Request{}, otherParent + " inherited=1"},
		"a trace":          {engine.Request{Trace: engine.Trace{Parent: someParent, State: "a=b,c=d"}}, someParent + " a=b,c=d"},
		"one without more": {engine.Request{Trace: engine.Trace{Parent: someParent}}, someParent + " none"},
		"in a clean place": {engine.Request{Trace: engine.Trace{Parent: someParent}, CleanEnv: true}, someParent + " none"},
		"said otherwise":   {engine.Request{Trace: engine.Trace{Parent: someParent}, Env: map[string]string{"TRACEPARENT": "mine"}}, "mine none"},
	} {
		c.request.Command = engine.Shell(`echo "$TRACEPARENT ${TRACESTATE:-none}"`)
		id, err := e.Execute(t.Context(), c.request)
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.Wait(t.Context(), id)
		if got := strings.TrimSpace(r.Stdout); got != c.want || err != nil {
			t.Errorf("%s: want %q, got %q, %v", name, c.want, got, err)
		}
	}
}

func TestTrace_ThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	for _, bad := range []engine.Trace{
		{Parent: "x"},
		{State: "a=b"},
		{Parent: strings.ToUpper(someParent)},
		{Parent: "ff" + someParent[2:]},
		{Parent: someParent + "-00"},
		{Parent: "00-" + strings.Repeat("0", 32) + someParent[35:]},
		{Parent: someParent[:36] + strings.Repeat("0", 16) + "-01"},
		{Parent: someParent, State: strings.Repeat("a", 513)},
		{Parent: someParent, State: "a=b\n"},
	} {
		if _, err := e.Execute(t.Context(), engine.Request{Command: engine.Shell("true"), Trace: bad}); !errors.Is(err, engine.ErrInvalid) {
			t.Errorf("%+v: want ErrInvalid, got %v", bad, err)
		}
	}
}

// A client that sends its request again does so in another span: it is the same request.
func TestTrace_IsNoPartOfTheContent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := engine.NewMemoryStore()
		e, _ := scripted(t, engine.Config{Store: store}, enginetest.Scripts{"runs": {Prints: []enginetest.Print{{After: time.Hour}}}})
		r := play("runs")
		r.ID, r.Trace = someID, engine.Trace{Parent: someParent}
		for _, parent := range []string{someParent, otherParent, ""} {
			r.Trace.Parent = parent
			if id, err := e.Execute(t.Context(), r); id != someID || err != nil {
				t.Errorf("with %q: %v, %v", parent, id, err)
			}
		}
		rec, err := store.Get(t.Context(), someID)
		if rec.Request.Trace.Parent != someParent || err != nil {
			t.Errorf("the store has %+v, %v", rec.Request.Trace, err)
		}
	})
}

// A handler without output hears of lives alone, from a result that has no text.
func TestWithoutOutput_HearsOfLives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hearer{}
		e, _ := scripted(t, engine.Config{Handler: engine.WithoutOutput(h), MaxConcurrent: 1}, enginetest.Scripts{
			"talks": {Prints: []enginetest.Print{{Text: "a\n"}, {After: time.Second, Text: "b\n"}}},
		})
		traced := play("talks")
		traced.Trace.Parent = someParent
		ran := start(t, e, traced)
		waited := start(t, e, play("talks"))
		if err := e.Cancel(t.Context(), waited, engine.Cancellation{}); err != nil {
			t.Fatal(err)
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []engine.EventKind{engine.ExecutionAccepted, engine.ExecutionStatusChanged, engine.ExecutionStarted, engine.ExecutionStatusChanged, engine.ExecutionCompleted}
		if diff := cmp.Diff(want, kinds(h.of(ran))); diff != "" {
			t.Errorf("of what ran (-want +got):\n%s", diff)
		}
		want = []engine.EventKind{engine.ExecutionAccepted, engine.ExecutionStatusChanged, engine.ExecutionCancelled}
		if diff := cmp.Diff(want, kinds(h.of(waited))); diff != "" {
			t.Errorf("of what waited (-want +got):\n%s", diff)
		}
		heard := h.of(ran)
		last := heard[len(heard)-1]
		if r := last.Result; r == nil || r.Stdout != "" || r.Output.StdoutLines != 2 || r.Duration != time.Second || last.Trace.Parent != someParent {
			t.Errorf("the ending is %+v", last.Result)
		}
		for _, ev := range heard {
			if ev.Time.IsZero() || ev.Command == "" && slices.Contains([]engine.EventKind{engine.ExecutionAccepted, engine.ExecutionStarted}, ev.Kind) {
				t.Errorf("it lacks something: %+v", ev)
			}
		}
	})
}

// A handler that is too slow is told what it misses, and delays nothing.
func TestWithoutOutput_TellsWhatIsMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		h := &hearer{first: func([]engine.Event) { <-gate }}
		e, _ := scripted(t, engine.Config{Handler: engine.WithoutOutput(h)}, enginetest.Scripts{"ends": {}})
		first := start(t, e, play("ends"))
		synctest.Wait() // it hangs, and has the first
		engine.FillSteps(e)
		second := start(t, e, play("ends"))
		if _, err := e.Wait(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		close(gate)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := e.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
		missed := h.of(engine.ID{})
		if len(missed) != 1 || missed[0].Missed.Executions != 1 || len(h.of(first)) == 0 || len(h.of(second)) != 0 {
			t.Errorf("it was told %+v, and of the second %+v", missed, h.of(second))
		}
	})
}
