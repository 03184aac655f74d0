package client_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
)

// story is what a reader has seen of an execution: whole lines, and steps.
type story struct {
	steps []string
	lines int // of numbered lines, the last
}

// hear takes an event, and reports a line that does not follow the one before.
func (s *story) hear(ev *engine.Event) error {
	switch {
	case ev.Partial:
	case ev.Kind != engine.StdoutWritten:
		s.steps = append(s.steps, string(ev.Kind))
	case ev.Number != int64(s.lines+1) || !strings.HasPrefix(string(ev.Line), fmt.Sprint(s.lines+1, " ")):
		return fmt.Errorf("line %d follows on line %d: %q", ev.Number, s.lines, ev.Line)
	default:
		s.lines++
	}
	return nil
}

// cutsWanted is how often a connection is cut at least.
func cutsWanted() int64 {
	if os.Getenv("CLOUDOPS_TEST_FULL") == "1" {
		return 2000
	}
	return 200
}

// A set of executions is followed by one stream. It is cut hundreds of times, at any byte:
// no event is missing and none comes twice, of what was there and of what comes.
func TestWatchAll_GoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	const there = 5000 // lines of each execution that is there already
	e, backend := newEngine(t), socket(t)
	serve(t, e, backend)
	proxy, front := cutBefore(t, backend, 300_000)
	c := dial(t, front, client.Config{Patience: time.Hour})
	typing, err := e.Execute(t.Context(), engine.Request{Command: engine.Exec("cat"), Interactive: true})
	if err != nil {
		t.Fatal(err)
	}
	from, told := map[engine.ID]engine.Cursor{typing: 0}, map[engine.ID]*story{typing: {}}
	for range 3 {
		id := start(t, e, "i=0; while [ $i -lt %d ]; do i=$((i+1)); echo $i ....................; done", there)
		from[id], told[id] = 0, &story{}
	}
	typed, running := 0, len(from)
	for ev, err := range c.WatchAll(t.Context(), from) {
		if err == nil {
			err = told[ev.ExecutionID].hear(&ev)
		}
		if ev.Kind.Terminal() {
			running--
		}
		if running == 1 && told[typing].lines == typed && err == nil && !ev.Partial {
			proxy.most.Store(600) // what is left comes line by line
			if typed++; proxy.cuts.Load() < cutsWanted() {
				_, err = e.WriteStdin(t.Context(), typing, fmt.Appendf(nil, "%d %060d\n", typed, typed))
			} else {
				proxy.most.Store(300_000) // the result has all of them
				err = e.CloseStdin(t.Context(), typing)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for id, s := range told {
		lines := there
		if id == typing {
			lines = typed - 1
		}
		if want := "accepted status_changed started status_changed completed"; s.lines != lines || strings.Join(s.steps, " ") != want {
			t.Errorf("%d lines of %d, and %v", s.lines, lines, s.steps)
		}
	}
	t.Logf("%d lines one by one over %d cuts", typed-1, proxy.cuts.Load())
}

// What cannot be followed is named, and the others go on.
func TestWatchAll_NamesWhatItCannotFollow(t *testing.T) {
	t.Parallel()
	e, path := newEngine(t), socket(t)
	serve(t, e, path)
	c := dial(t, path, client.Config{})
	known, unknown := start(t, e, "echo 1 line"), engine.ID{1}
	if _, err := e.Wait(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	var s story
	failures := 0
	for ev, err := range c.WatchAll(t.Context(), map[engine.ID]engine.Cursor{known: 0, unknown: 0}) {
		failed, isOne := errors.AsType[*client.ExecutionError](err)
		switch {
		case isOne && failed.ID == unknown && errors.Is(err, engine.ErrNotFound):
			failures++
		case err != nil:
			t.Errorf("got %v", err)
		default:
			if err := s.hear(&ev); err != nil {
				t.Error(err)
			}
		}
	}
	if failures != 1 || s.lines != 1 || s.steps[len(s.steps)-1] != "completed" {
		t.Errorf("%d failures beside %+v", failures, s)
	}
}

func TestWatch_LeavesOutputOutOfResults(t *testing.T) {
	t.Parallel()
	e, path := newEngine(t), socket(t)
	serve(t, e, path)
	id := start(t, e, "echo out")
	for without, want := range map[bool]string{false: "out\n", true: ""} {
		seen := false
		for ev, err := range dial(t, path, client.Config{WithoutOutput: without}).Watch(t.Context(), id, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if ev.Result != nil {
				if seen = true; ev.Result.Stdout != want || ev.Result.Output.StdoutBytes != 4 {
					t.Errorf("without %t: %+v", without, ev.Result)
				}
			}
		}
		if !seen {
			t.Errorf("without %t: there is no result", without)
		}
	}
}

func TestWatchAll_TakesNoneAndNotTooMany(t *testing.T) {
	t.Parallel()
	e, path := newEngine(t), socket(t)
	serve(t, e, path)
	c := dial(t, path, client.Config{})
	for ev, err := range c.WatchAll(t.Context(), nil) {
		t.Errorf("something happened to nothing: %+v, %v", ev, err)
	}
	many := make(map[engine.ID]engine.Cursor)
	for i := range 1001 {
		many[engine.ID{byte(i >> 8), byte(i)}] = 0
	}
	said := 0
	for _, err := range c.WatchAll(t.Context(), many) {
		if said++; !errors.Is(err, engine.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	}
	if said != 1 {
		t.Errorf("it was said %d times", said)
	}
}
