package events_test

import (
	"testing"
	"testing/synctest"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
	"github.com/escher-dbai/cloudops-engine/events"
)

// Two handlers of one engine, one of which has stopped while 10,000 executions run: the
// other hears of all as they go. The one that comes back is told of each execution how
// much it missed and up to where, and has all endings.
func TestSUB11_OneDeadHandlerAmongTwo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const runs = 10_000
		dead, live := &recorder{gate: make(chan struct{})}, &recorder{}
		fan := events.FanOut(events.Buffer(dead, events.BufferOptions{Size: 100}), live)
		runner := &enginetest.Runner{Scripts: enginetest.Scripts{"speak": {Prints: enginetest.Lines("a line")}}}
		e, err := engine.New(engine.Config{Handler: fan, Runner: runner, Logger: silent()})
		if err != nil {
			t.Fatal(err)
		}
		cursors := make(map[engine.ID]engine.Cursor)
		for range runs {
			id, err := e.Execute(t.Context(), engine.Request{Command: enginetest.Command("speak")})
			if err != nil {
				t.Fatal(err)
			}
			r, err := e.Wait(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			cursors[id] = r.Cursor
			synctest.Wait()
		}
		if got := endings(live.all()); got != runs {
			t.Errorf("the live handler heard of %d endings before the other came back, want %d", got, runs)
		}
		close(dead.gate)
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		closed(t, fan)
		checkResync(t, dead.all(), cursors)
	})
}

func endings(all []engine.Event) (n int) {
	for _, ev := range all {
		if ev.Kind.Terminal() {
			n++
		}
	}
	return n
}

// checkResync checks that events and notices of what is missing add up to everything:
// of each execution, each cursor once and in order.
func checkResync(t *testing.T, heard []engine.Event, ends map[engine.ID]engine.Cursor) {
	t.Helper()
	missed, events := int64(0), make(map[engine.ID]int64)
	at := make(map[engine.ID]engine.Cursor)
	for _, ev := range heard {
		if ev.Cursor < at[ev.ExecutionID] {
			t.Fatalf("%s goes back from %d to %d", ev.ExecutionID, at[ev.ExecutionID], ev.Cursor)
		}
		at[ev.ExecutionID] = ev.Cursor
		events[ev.ExecutionID]++
		if ev.Kind == engine.EventsMissed {
			missed += ev.Missed.Events
			events[ev.ExecutionID] += ev.Missed.Events - 1
		}
	}
	for id, end := range ends {
		if got := events[id]; at[id] != end || got != 6 { // accepted, two at the start, a line, two at the end
			t.Fatalf("of %s, which ends at %d, %d events were heard or told missing, up to %d", id, end, got, at[id])
		}
	}
	if missed == 0 || endings(heard) != len(ends) {
		t.Errorf("%d events were told missing, and %d of %d endings heard", missed, endings(heard), len(ends))
	}
}
