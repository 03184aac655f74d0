package events_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// recorder is a handler that keeps what it is given. Where gate is not nil, each
// call waits for it first.
type recorder struct {
	gate chan struct{}

	mu     sync.Mutex
	events []engine.Event
	calls  int
}

func (r *recorder) HandleEvents(events []engine.Event) {
	if r.gate != nil {
		<-r.gate
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	r.events = append(r.events, events...)
}

func (r *recorder) all() []engine.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// summary is an event in a word: what a test compares.
type summary struct {
	ID     byte
	Kind   engine.EventKind
	Cursor engine.Cursor
	Missed int64
}

func (r *recorder) summaries() []summary {
	var all []summary
	for _, ev := range r.all() {
		all = append(all, summary{ev.ExecutionID[15], ev.Kind, ev.Cursor, ev.Missed.Events})
	}
	return all
}

// id is an execution of a test.
func id(n byte) engine.ID { return engine.ID{15: n} }

// epoch is when events of tests happen.
func epoch() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// line is a line of output at a cursor.
func line(n byte, cursor engine.Cursor) engine.Event {
	return engine.Event{
		Kind: engine.StdoutWritten, ExecutionID: id(n), Time: epoch(), Cursor: cursor, Line: []byte("a line"), Number: int64(cursor),
	}
}

// ended is the ending of an execution at a cursor.
func ended(n byte, cursor engine.Cursor) engine.Event {
	return engine.Event{
		Kind: engine.ExecutionCompleted, ExecutionID: id(n), Time: epoch(), Cursor: cursor,
		Result: &engine.Result{
			ID: id(n), Status: engine.Completed, Success: true, Cause: engine.CauseExit, Stdout: "out\n", Stderr: "err\n",
			StartedAt: epoch(), Duration: time.Second, Queued: 20 * time.Millisecond, Cursor: cursor,
			Output: engine.Counts{StdoutBytes: 4, StdoutLines: 1, StderrBytes: 4, StderrLines: 1},
		},
	}
}

// lines are count lines of one execution, from a cursor on.
func lines(n byte, from engine.Cursor, count int) []engine.Event {
	var all []engine.Event
	for i := range count {
		all = append(all, line(n, from+engine.Cursor(i)))
	}
	return all
}

// silent logs nothing.
func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// closer is a handler that keeps something until it is closed.
type closer interface {
	Close(ctx context.Context) error
}

// closed closes a handler that has to hand everything on.
func closed(t *testing.T, c closer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}
