package events_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/events"
)

func TestFanOut_OneThatHangsOrPanicsKeepsNothingFromTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hung, well := &recorder{gate: make(chan struct{})}, &recorder{}
		panics := events.Buffer(engine.EventHandlerFunc(func(events []engine.Event) {
			events[len(events)].Kind = ""
		}), events.BufferOptions{Logger: silent()})
		f := events.FanOut(hung, nil, panics, well)
		const executions = 2000
		for n := range executions {
			f.HandleEvents(append(lines(byte(n), 1, 10), ended(byte(n), 11)))
			if n%100 == 99 {
				synctest.Wait() // one that is well takes what it gets, however busy the machine is
			}
		}
		synctest.Wait()
		if got := len(well.all()); got != 11*executions {
			t.Errorf("the handler that is well got %d events, want %d", got, 11*executions)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close with a handler that hangs: %v, want the deadline", err)
		}
		counts := f.Counts()
		if len(counts) != 3 || counts[0].Dropped == 0 || counts[1].Panics == 0 || counts[2].Delivered != 11*executions {
			t.Errorf("counts: %+v", counts)
		}
		close(hung.gate)
		closed(t, f)
	})
}

func TestFanOut_CloseDrainsAll(t *testing.T) {
	t.Parallel()
	first, second := &recorder{}, &recorder{}
	f := events.FanOut(first, events.Buffer(second, events.BufferOptions{Policy: events.Block, Size: 3}))
	f.HandleEvents(lines(1, 1, 100))
	closed(t, f)
	if a, b := len(first.all()), len(second.all()); a != 100 || b != 100 {
		t.Errorf("the handlers got %d and %d events, want 100 each", a, b)
	}
	closed(t, f)
}

func TestFanOut_OfNobody(t *testing.T) {
	t.Parallel()
	f := events.FanOut()
	f.HandleEvents(lines(1, 1, 1))
	closed(t, f)
}
