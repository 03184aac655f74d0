package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// Overflow says what a full [Buffer] does with one event more.
type Overflow int

// The ways to overflow. An ending and an EventsMissed event are never dropped.
const (
	// DropOldest drops the event that has waited longest: what is shown is recent.
	DropOldest Overflow = iota
	// DropNewest drops the event that comes: what was first is whole.
	DropNewest
	// Block drops nothing and has whoever hands events on wait. Below an engine that
	// is what an engine without a buffer does: no execution waits, the
	// records hold what is not read yet, and the engine tells what it had to let go.
	Block
)

// BufferOptions are how a [Buffer] works. The zero value is a good one.
type BufferOptions struct {
	// Size is how many events may wait, endings apart. Defaults to 8,192.
	Size int
	// Bytes is how much output may wait: the lines, and the output in the results of
	// endings. Defaults to 16 MiB. The first line or ending that waits is taken
	// whatever its size.
	Bytes int64
	// Policy is what happens beyond. Defaults to DropOldest.
	Policy Overflow
	// Logger hears of a handler that panics. Defaults to slog.Default().
	Logger *slog.Logger
}

// BufferCounts are counts of a [Buffered] since it was made, without EventsMissed
// events: Received is Delivered, Dropped and what waits.
type BufferCounts struct {
	Received  int64
	Delivered int64 // the handler was called with them; perhaps it panicked
	Dropped   int64
	Panics    int64 // calls of the handler that panicked
}

// Buffered is an engine.EventHandler before another one, which it calls from a
// goroutine of its own. Made by [Buffer]; it is safe for concurrent use.
type Buffered struct {
	handler engine.EventHandler
	options BufferOptions
	group   *lifecycle.Group
	done    chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	changed sync.Cond // of mu: something came, was taken, or Close was called
	backlog backlog
	counts  BufferCounts
	calling bool // the handler has not returned
	closed  bool
}

// errClosed is the cause with which goroutines here are stopped.
var errClosed = errors.New("event handler was closed")

// callAtOnce is how many events one call of a handler gets at most.
const callAtOnce = 256

// Buffer returns a handler that never waits for h, unless by [Block]. It keeps up to
// Size events while h is busy, besides those h is busy with; beyond, it
// drops by o.Policy. Of an execution that lost events, h is told in an
// EventsMissed event that has the execution's id, the count in Missed.Events,
// and the cursor of the last that is missing: to have them, Watch from the cursor of
// the last event that came.
//
// Endings are kept beyond Size. Beyond Bytes they are kept without the output in
// their result, in whose place a line says how much it was. When 16,384
// endings wait, HandleEvents waits, whatever the policy.
//
// Close it to have what waits handed on, and its goroutine ended.
func Buffer(h engine.EventHandler, o BufferOptions) *Buffered {
	o.Size, o.Bytes = cmp.Or(max(o.Size, 0), 8192), cmp.Or(max(o.Bytes, 0), 16<<20)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	b := &Buffered{
		handler: h, options: o, group: lifecycle.New(), done: make(chan struct{}),
		backlog: newBacklog(o.Size, o.Bytes),
	}
	b.changed.L = &b.mu
	b.group.Go(b.run)
	return b
}

// HandleEvents takes events to be handed on. The events are copied. After Close
// they are dropped.
func (b *Buffered) HandleEvents(events []engine.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range events {
		b.takeLocked(&events[i])
	}
	b.changed.Broadcast()
}

func (b *Buffered) takeLocked(ev *engine.Event) {
	ending := ev.Kind.Terminal()
	for !b.closed && b.mustWaitLocked(ev, ending) {
		b.changed.Broadcast() // what was taken so far may be handed on
		b.changed.Wait()
	}
	if ev.Kind == engine.EventsMissed {
		if !b.closed {
			b.backlog.miss(ev, ev.Missed)
		}
		return
	}
	b.counts.Received++
	switch {
	case b.closed:
		b.counts.Dropped++
	case ending:
		b.backlog.addEnding(ev)
	case b.options.Policy == DropNewest && b.backlog.full(ev):
		b.backlog.miss(ev, engine.Missed{Events: 1})
		b.counts.Dropped++
	default:
		for b.options.Policy == DropOldest && b.backlog.full(ev) {
			b.backlog.dropOldest()
			b.counts.Dropped++
		}
		b.backlog.add(ev)
	}
}

// mustWaitLocked reports whether an event can be neither taken nor dropped now.
func (b *Buffered) mustWaitLocked(ev *engine.Event, ending bool) bool {
	switch {
	case ending:
		return b.backlog.endings >= maxEndings || b.options.Policy == Block && b.backlog.tooMuch(outputOf(ev))
	case ev.Kind == engine.EventsMissed:
		return false
	}
	return b.options.Policy == Block && b.backlog.full(ev)
}

// Counts returns the counts so far.
func (b *Buffered) Counts() BufferCounts {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts
}

// run hands events on until there are no more after Close, or its context is done.
func (b *Buffered) run(ctx context.Context) {
	defer close(b.done)
	var batch []engine.Event
	for {
		batch = b.next(ctx, batch)
		if len(batch) == 0 {
			return
		}
		for part := range slices.Chunk(batch, callAtOnce) {
			if !b.begin(ctx) {
				return
			}
			b.call(part)
		}
	}
}

// begin reports whether the handler may be called once more.
func (b *Buffered) begin(ctx context.Context) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calling = ctx.Err() == nil
	return b.calling
}

// next waits for events and takes all there are; spent is memory to use again.
// None means that it is over.
func (b *Buffered) next(ctx context.Context, spent []engine.Event) []engine.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.backlog.empty() && !b.closed && ctx.Err() == nil {
		b.changed.Wait()
	}
	if ctx.Err() != nil {
		return nil
	}
	batch := b.backlog.take(spent)
	b.changed.Broadcast()
	return batch
}

func (b *Buffered) call(part []engine.Event) {
	panicked := handSafely(b.handler, part, b.options.Logger)
	delivered := int64(0)
	for i := range part {
		if part[i].Kind != engine.EventsMissed {
			delivered++
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calling = false
	b.counts.Delivered += delivered
	if panicked {
		b.counts.Panics++
	}
}

// Close takes no more events, waits until all that wait were handed on, and ends
// the goroutine. When the context is done first it returns its cause, with how
// many events the handler did not get or has not returned from; the handler is not
// called again. A second call waits for the same.
func (b *Buffered) Close(ctx context.Context) error {
	b.refuse()
	var err error
	select {
	case <-b.done:
	case <-ctx.Done():
		err = b.abandon(context.Cause(ctx))
	}
	if err == nil {
		b.group.Stop(errClosed)
		b.group.Wait()
	}
	return err
}

// abandon has the handler called no more. It returns an error unless nothing was
// left to hand on.
func (b *Buffered) abandon(cause error) error {
	b.group.Stop(errClosed)
	b.mu.Lock()
	b.changed.Broadcast()
	left, calling := b.counts.Received-b.counts.Delivered-b.counts.Dropped, b.calling
	b.mu.Unlock()
	if !calling {
		b.group.Wait() // it ends at once
	}
	if left == 0 && !calling {
		return nil
	}
	return fmt.Errorf("close buffer: %d events were not handled: %w", left, cause)
}

// refuse takes no more events.
func (b *Buffered) refuse() {
	b.mu.Lock()
	b.closed = true
	b.changed.Broadcast()
	b.mu.Unlock()
}

// handSafely calls a handler and reports whether it panicked.
func handSafely(h engine.EventHandler, events []engine.Event, logger *slog.Logger) (panicked bool) {
	defer func() {
		if p := recover(); p != nil {
			panicked = true
			logger.Error("event handler panicked", slog.Any("panic", p), slog.Int("events", len(events)))
		}
	}()
	h.HandleEvents(events)
	return false
}
