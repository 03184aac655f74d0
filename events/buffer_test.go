package events_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/events"
)

// stuck is a buffer whose handler is held in a call with one event, so that nothing
// is read until release.
func stuck(t *testing.T, o events.BufferOptions) (b *events.Buffered, r *recorder, release func()) {
	t.Helper()
	r = &recorder{gate: make(chan struct{})}
	b = events.Buffer(r, o)
	b.HandleEvents([]engine.Event{{Kind: engine.ExecutionAccepted, ExecutionID: id(9)}})
	synctest.Wait()
	return b, r, func() { close(r.gate) }
}

// rest is what the handler got after the event that held it.
func rest(r *recorder) []summary { return r.summaries()[1:] }

func TestBuffer_SUB06_WhichAreDropped(t *testing.T) {
	t.Parallel()
	kept := func(from engine.Cursor, count int) []summary {
		var all []summary
		for _, ev := range lines(1, from, count) {
			all = append(all, summary{1, ev.Kind, ev.Cursor, 0})
		}
		return all
	}
	for _, tt := range []struct {
		name   string
		policy events.Overflow
		want   []summary
	}{
		{"DropOldest", events.DropOldest, append([]summary{{1, engine.EventsMissed, 5, 5}}, kept(6, 10)...)},
		{"DropNewest", events.DropNewest, append(kept(1, 10), summary{1, engine.EventsMissed, 15, 5})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, r, release := stuck(t, events.BufferOptions{Size: 10, Policy: tt.policy})
				for _, ev := range lines(1, 1, 15) {
					b.HandleEvents([]engine.Event{ev})
				}
				if got, want := b.Counts(), (events.BufferCounts{Received: 16, Dropped: 5}); got != want {
					t.Errorf("counts before the handler read: %+v, want %+v", got, want)
				}
				release()
				closed(t, b)
				if diff := cmp.Diff(tt.want, rest(r)); diff != "" {
					t.Errorf("what the handler got (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestBuffer_BlockDropsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, r, release := stuck(t, events.BufferOptions{Size: 10, Policy: events.Block})
		handed := make(chan struct{})
		go func() {
			b.HandleEvents(lines(1, 1, 15))
			close(handed)
		}()
		synctest.Wait()
		select {
		case <-handed:
			t.Fatal("HandleEvents did not wait, though 15 events do not fit into 10")
		default:
		}
		release()
		<-handed
		closed(t, b)
		if got := len(rest(r)); got != 15 {
			t.Errorf("the handler got %d events, want 15", got)
		}
		if got := b.Counts(); got.Dropped != 0 || got.Delivered != 16 {
			t.Errorf("counts: %+v", got)
		}
	})
}

func TestBuffer_NeverDropsAnEnding(t *testing.T) {
	t.Parallel()
	for _, policy := range []events.Overflow{events.DropOldest, events.DropNewest} {
		synctest.Test(t, func(t *testing.T) {
			b, r, release := stuck(t, events.BufferOptions{Size: 2, Policy: policy})
			for n := byte(1); n <= 5; n++ {
				b.HandleEvents(append(lines(n, 1, 3), ended(n, 4)))
			}
			release()
			closed(t, b)
			var endings int
			for _, ev := range r.all() {
				if ev.Kind.Terminal() {
					endings++
				}
			}
			if endings != 5 {
				t.Errorf("policy %d: %d endings, want 5", policy, endings)
			}
		})
	}
}

// TestBuffer_NoticesStandWhereEventsAreMissing drops at random, and reads the
// record of each execution: cursors never go back, and what is missing is told before
// the next event, exactly.
func TestBuffer_NoticesStandWhereEventsAreMissing(t *testing.T) {
	t.Parallel()
	for _, policy := range []events.Overflow{events.DropOldest, events.DropNewest} {
		for seed := range uint64(50) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, uint64(policy)))
				r := &recorder{gate: make(chan struct{})}
				b := events.Buffer(r, events.BufferOptions{Size: 1 + random.IntN(5), Policy: policy})
				next := [3]engine.Cursor{}
				for range 200 {
					n := random.IntN(3)
					next[n]++
					b.HandleEvents([]engine.Event{line(byte(n), next[n])})
					if random.IntN(8) == 0 {
						select {
						case r.gate <- struct{}{}:
						default:
						}
						synctest.Wait()
					}
				}
				for n := range next {
					b.HandleEvents([]engine.Event{ended(byte(n), next[n]+1)})
				}
				close(r.gate)
				closed(t, b)
				checkRecords(t, r.summaries(), next)
				if c := b.Counts(); c.Received != 203 || c.Delivered+c.Dropped != c.Received {
					t.Errorf("counts do not add up: %+v", c)
				}
			})
		}
	}
}

// checkRecords checks that each execution's events and notices count from 1 to its
// ending without a hole.
func checkRecords(t *testing.T, got []summary, last [3]engine.Cursor) {
	t.Helper()
	var at [3]engine.Cursor
	for _, s := range got {
		step := engine.Cursor(1)
		if s.Kind == engine.EventsMissed {
			step = engine.Cursor(s.Missed)
		}
		if at[s.ID] += step; at[s.ID] != s.Cursor {
			t.Fatalf("execution %d: %s at cursor %d, but %d events were told of", s.ID, s.Kind, s.Cursor, at[s.ID])
		}
	}
	for n := range last {
		if at[n] != last[n]+1 {
			t.Errorf("execution %d: told of %d events, want %d", n, at[n], last[n]+1)
		}
	}
}

func TestBuffer_BoundsOutput(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, r, release := stuck(t, events.BufferOptions{Bytes: 100})
		long := line(1, 1)
		long.Line = []byte(strings.Repeat("x", 60))
		first, second := long, long
		second.Cursor = 2
		end := ended(1, 3)
		end.Result.Stdout = strings.Repeat("y\n", 50)
		b.HandleEvents([]engine.Event{first, second, end})
		if end.Result.Stdout == "" || len(end.Result.Stdout) != 100 {
			t.Error("the caller's result was changed")
		}
		release()
		closed(t, b)
		want := []summary{{1, engine.EventsMissed, 1, 1}, {1, engine.StdoutWritten, 2, 0}, {1, engine.ExecutionCompleted, 3, 0}}
		if diff := cmp.Diff(want, rest(r)); diff != "" {
			t.Errorf("what the handler got (-want +got):\n%s", diff)
		}
		got := r.all()[3].Result
		if want := "[... 100 bytes, 50 lines of stdout left out ...]\n"; got.Stdout != want || got.Output != end.Result.Output {
			t.Errorf("the ending has the output %q, want %q", got.Stdout, want)
		}
	})
}

func TestBuffer_PassesOnWhatOthersMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, r, release := stuck(t, events.BufferOptions{Size: 2})
		told := engine.Event{Kind: engine.EventsMissed, ExecutionID: id(1), Cursor: 2, Missed: engine.Missed{Events: 2}}
		b.HandleEvents([]engine.Event{told, line(1, 3), told, line(1, 6), line(1, 7), line(1, 8)})
		b.HandleEvents([]engine.Event{{Kind: engine.EventsMissed, Missed: engine.Missed{Executions: 3}}})
		release()
		closed(t, b)
		want := []summary{
			{1, engine.EventsMissed, 6, 6},
			{1, engine.StdoutWritten, 7, 0},
			{1, engine.StdoutWritten, 8, 0},
			{0, engine.EventsMissed, 0, 0},
		}
		if diff := cmp.Diff(want, rest(r)); diff != "" {
			t.Errorf("what the handler got (-want +got):\n%s", diff)
		}
		if got := r.all()[4].Missed.Executions; got != 3 {
			t.Errorf("the handler heard of %d missed executions, want 3", got)
		}
	})
}

func TestBuffer_CopiesWhatItKeeps(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	b := events.Buffer(r, events.BufferOptions{})
	batch := []engine.Event{line(1, 1)}
	shared := batch[0].Line
	b.HandleEvents(batch)
	copy(shared, "XXXXXX")
	clear(batch)
	closed(t, b)
	if got := string(r.all()[0].Line); got != "a line" {
		t.Errorf("the handler got %q", got)
	}
}

func TestBuffer_OutlivesPanics(t *testing.T) {
	t.Parallel()
	var got int
	b := events.Buffer(engine.EventHandlerFunc(func(events []engine.Event) {
		got += len(events)
		events[len(events)].Kind = "" // panics
	}), events.BufferOptions{Logger: silent()})
	b.HandleEvents(lines(1, 1, 600))
	b.HandleEvents(lines(1, 601, 1))
	closed(t, b)
	if c := b.Counts(); got != 601 || c.Delivered != 601 || c.Panics < 3 {
		t.Errorf("the handler got %d events, counts %+v", got, c)
	}
}

func TestBuffer_CloseGivesUpOnAHandlerThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, _, release := stuck(t, events.BufferOptions{Policy: events.Block, Size: 5})
		b.HandleEvents(lines(1, 1, 5))
		waited := make(chan struct{})
		go func() {
			b.HandleEvents(lines(1, 6, 1)) // waits, and is let go by Close
			close(waited)
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := b.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "6 events") {
			t.Errorf("Close: %v, want the deadline and 6 events", err)
		}
		<-waited
		release()
		closed(t, b) // the goroutine has gone
		if got := b.Counts(); got.Delivered != 1 || got.Dropped != 1 {
			t.Errorf("counts: %+v, want the event that held it delivered and the late one dropped", got)
		}
	})
}

func TestBuffer_CloseTwiceAndLate(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	b := events.Buffer(r, events.BufferOptions{})
	closed(t, b)
	closed(t, b)
	b.HandleEvents(append(lines(1, 1, 2), engine.Event{Kind: engine.EventsMissed}))
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Close(done); err != nil {
		t.Errorf("Close of a closed buffer with a context that is done: %v", err)
	}
	if c := b.Counts(); len(r.all()) != 0 || c.Dropped != 2 {
		t.Errorf("counts: %+v", c)
	}
}

func TestBuffer_WaitsRatherThanDropEndings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, r, release := stuck(t, events.BufferOptions{Size: 1})
		const bound = 16_384
		end := ended(1, 1)
		for range bound {
			b.HandleEvents([]engine.Event{end})
		}
		var over bool
		go func() {
			b.HandleEvents([]engine.Event{end})
			over = true
		}()
		synctest.Wait()
		if over {
			t.Errorf("ending %d did not wait", bound+1)
		}
		release()
		synctest.Wait()
		closed(t, b)
		if got := len(rest(r)); got != bound+1 {
			t.Errorf("%d endings, want %d", got, bound+1)
		}
	})
}
