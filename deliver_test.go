package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

// hearer is a handler that keeps what it hears.
type hearer struct {
	// first, if not nil, is called before events are kept.
	first func(events []engine.Event)

	mu     sync.Mutex
	inside int
	events []engine.Event
}

func (h *hearer) HandleEvents(events []engine.Event) {
	h.mu.Lock()
	h.inside++
	inside := h.inside
	h.mu.Unlock()
	if inside > 1 {
		panic("called twice at once") //nolint:forbidigo // there is no test to fail here
	}
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.inside--
	}()
	if h.first != nil {
		h.first(events)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, events...)
}

// of are the events of one execution that were heard; the zero id: of none.
func (h *hearer) of(id engine.ID) []engine.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := []engine.Event{}
	for _, ev := range h.events {
		if ev.ExecutionID == id {
			all = append(all, ev)
		}
	}
	return all
}

func TestHandler_HearsWhatWatchTells(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hearer{}
		e, _ := scripted(t, engine.Config{Handler: h}, enginetest.Scripts{
			"talks": {Prints: append(enginetest.Lines("a", "b"), enginetest.Print{After: time.Second, Stream: engine.Stderr, Text: "c"})},
		})
		for range 20 {
			start(t, e, play("talks"))
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := e.List(t.Context(), engine.Filter{})
		if err != nil || len(page.Executions) != 20 {
			t.Fatalf("want 20 executions, got %d, %v", len(page.Executions), err)
		}
		for _, x := range page.Executions {
			if diff := cmp.Diff(watched(t, e, x.ID, 0), h.of(x.ID)); diff != "" {
				t.Errorf("of %s (-watched +heard):\n%s", x.ID, diff)
			}
		}
	})
}

func TestHandler_ThatPanicsIsLoggedAndCalledAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := &hearer{first: func(events []engine.Event) {
			if events[0].Kind == engine.ExecutionAccepted {
				panic("no good") //nolint:forbidigo // that it panics is what is tested
			}
		}}
		e, _ := scripted(t, engine.Config{Handler: h, Logger: slog.New(slog.NewTextHandler(&log, nil))}, nil)
		for range 3 {
			id := start(t, e, play("second"))
			if r := end(t, e, id); r.Status != engine.Completed {
				t.Errorf("want completed, got %s", r.Status)
			}
			synctest.Wait()
			if heard := h.of(id); len(heard) == 0 || !heard[len(heard)-1].Kind.Terminal() {
				t.Errorf("the ending was not heard: %v", kinds(heard))
			}
		}
		if !strings.Contains(log.String(), "no good") {
			t.Errorf("the panic is not in the log: %s", log.String())
		}
	})
}

func TestHandler_ThatIsSlowDelaysNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hearer{first: func([]engine.Event) { <-time.After(time.Minute) }}
		e, _ := scripted(t, engine.Config{Handler: h, MaxConcurrent: 1}, nil)
		began := time.Now()
		ids := []engine.ID{start(t, e, play("second")), start(t, e, play("second"))}
		for _, id := range ids {
			end(t, e, id)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("want both through in 2s, got %v", took)
		}
		if err := e.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		for _, id := range ids {
			if heard := h.of(id); len(heard) != 5 {
				t.Errorf("want all 5 events heard in the end, got %v", kinds(heard))
			}
		}
	})
}

func TestHandler_ThatBlocksDoesNotHoldShutdownBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := &hearer{first: func([]engine.Event) { <-release }}
		e, _ := scripted(t, engine.Config{Handler: h, Logger: slog.New(slog.DiscardHandler)}, nil)
		end(t, e, start(t, e, play("second")))
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		hang := time.AfterFunc(time.Hour, func() { t.Error("Shutdown waits for a handler that hangs, long after its context is done") })
		if err := e.Shutdown(ctx); err != nil {
			t.Errorf("all has ended, and yet: %v", err)
		}
		hang.Stop()
		close(release)
	})
}

func TestHandler_IsToldWhatItMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := &hearer{first: func([]engine.Event) { <-release }}
		e, _ := scripted(t, engine.Config{Handler: h, MaxFinished: 10}, nil)
		const all = 100
		for range all {
			do(t, e, play("ok"))
		}
		close(release)
		if err := e.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		var missed int64
		ended := make(map[engine.ID]bool)
		for _, ev := range h.events {
			if ev.Kind == engine.EventsMissed {
				missed += ev.Missed.Executions
			} else if ev.Kind.Terminal() {
				ended[ev.ExecutionID] = true
			}
		}
		if int(missed)+len(ended) != all || len(ended) < 10 {
			t.Errorf("want %d endings heard or told missing, got %d and %d", all, len(ended), missed)
		}
	})
}

func TestHandler_HasNotMissedWhatItIsGettingWhenItIsCleanedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var whole engine.ID
		begin, inside, goOn := make(chan struct{}), make(chan struct{}), make(chan struct{})
		h := &hearer{first: func(events []engine.Event) {
			<-begin
			if events[0].ExecutionID == whole && events[len(events)-1].Kind.Terminal() {
				close(inside)
				<-goOn
			}
		}}
		e, _ := scripted(t, engine.Config{Handler: h, MaxFinished: 1}, nil)
		start(t, e, play("hang"))
		synctest.Wait() // the handler is in its first call
		whole = do(t, e, play("ok")).ID
		close(begin)
		<-inside // it has this one to its end
		do(t, e, play("ok"))
		do(t, e, play("ok"))
		close(goOn)
		synctest.Wait()
		var missed int64
		for _, ev := range h.of(engine.ID{}) {
			missed += ev.Missed.Executions
		}
		if n := len(h.of(whole)); missed != 1 || n != 5 {
			t.Errorf("want the one between missed, and 5 events of the one it was getting; got %d missed, %d events", missed, n)
		}
	})
}

// A handler may do anything with the engine but shut it down.
func TestRACE15_HandlerMayCallTheEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var e *engine.Engine
		made := make(chan struct{})
		var more sync.Once
		h := &hearer{first: func(events []engine.Event) {
			<-made
			for _, ev := range events {
				id := ev.ExecutionID
				_ = e.Cancel(t.Context(), id, engine.Cancellation{})
				_, _ = e.Get(t.Context(), id)
				_, _ = e.Result(t.Context(), id)
				_, _ = e.List(t.Context(), engine.Filter{})
				_, _ = e.Cleanup(t.Context())
				for _, err := range e.Watch(t.Context(), id, 0) {
					if err != nil {
						t.Errorf("watch: %v", err)
					}
					break
				}
				more.Do(func() { _, _ = e.Wait(t.Context(), start(t, e, play("second"))) })
			}
		}}
		e, _ = scripted(t, engine.Config{Handler: h}, nil)
		close(made)
		id := start(t, e, play("hang"))
		if r := end(t, e, id); r.Status != engine.Cancelled {
			t.Errorf("want it cancelled by the handler, got %s", r.Status)
		}
		pass(time.Minute)
		if s := stats(t, e); s.Accepted != 2 || s.Completed != 1 || s.Running != 0 {
			t.Errorf("want both through, got %+v", s)
		}
	})
}

func TestHandler_GetsOutputAtTheEndWhereItIsBuffered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hearer{}
		e, _ := scripted(t, engine.Config{Handler: h, BufferOutput: true}, enginetest.Scripts{"talks": {Prints: tick(10)}})
		id := start(t, e, play("talks"))
		early := make(chan []engine.Event, 1)
		synctest.Wait()
		go func() { early <- watched(t, e, id, 0) }() // it joins when there is output
		pass(5500 * time.Millisecond)
		for _, ev := range h.of(id) {
			if len(ev.Line) > 0 {
				t.Errorf("line %q was heard before the end", ev.Line)
			}
		}
		if n := len(h.of(id)); n == 0 {
			t.Error("want the steps of its life heard at once, got none")
		}
		for ev, err := range e.Watch(t.Context(), id, 0) {
			if len(ev.Line) > 0 && ev.Time.Before(time.Now().Add(-4*time.Second)) && status(t, e, id) == engine.Running {
				t.Errorf("line %q was watched before the end: %v", ev.Line, err)
				break
			}
		}
		end(t, e, id)
		synctest.Wait()
		all := watched(t, e, id, 0)
		if len(all) != 15 {
			t.Errorf("want 5 steps and 10 lines in the end, got %v", kinds(all))
		}
		if diff := cmp.Diff(all, h.of(id)); diff != "" {
			t.Errorf("(-watched +heard):\n%s", diff)
		}
		if diff := cmp.Diff(all, <-early); diff != "" {
			t.Errorf("(-watched +watched from the start):\n%s", diff)
		}
	})
}

// tick prints a line a second, the first at once.
func tick(n int) []enginetest.Print {
	prints := make([]enginetest.Print, n)
	for i := range prints {
		prints[i] = enginetest.Print{After: time.Second, Text: fmt.Sprintf("line %d\n", i)}
	}
	prints[0].After = 0
	return prints
}
