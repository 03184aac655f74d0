package events

import (
	"context"
	"errors"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Fan is an engine.EventHandler that hands all events to several others. Made by
// [FanOut]; it is safe for concurrent use.
type Fan struct{ buffers []*Buffered }

// FanOut returns a handler that hands each event to all of these. Each is called
// from a goroutine of its own, behind a [Buffer] of its own with the default
// options: it drops its oldest events when 8,192 wait, and never an ending. One
// that is a *[Buffered] already is used as it is: with [Block] it drops nothing and
// may have the others wait, which is right for a log that has to be whole. Those
// that are nil are left out.
//
// One that is slow or panics keeps nothing from the others, unless 16,384 endings
// wait for it: then the others wait too, as the alternative is to lose endings.
func FanOut(handlers ...engine.EventHandler) *Fan {
	f := &Fan{}
	for _, h := range handlers {
		switch h := h.(type) {
		case nil:
		case *Buffered:
			f.buffers = append(f.buffers, h)
		default:
			f.buffers = append(f.buffers, Buffer(h, BufferOptions{}))
		}
	}
	return f
}

// HandleEvents hands events to every handler.
func (f *Fan) HandleEvents(events []engine.Event) {
	for _, b := range f.buffers {
		b.HandleEvents(events)
	}
}

// Counts returns the counts of each handler's buffer, in the order in which they
// were given.
func (f *Fan) Counts() []BufferCounts {
	counts := make([]BufferCounts, len(f.buffers))
	for i, b := range f.buffers {
		counts[i] = b.Counts()
	}
	return counts
}

// Close closes the buffer of every handler, those that were given included; see
// [Buffered.Close]. One that hangs does not keep the others from having the rest.
func (f *Fan) Close(ctx context.Context) error {
	for _, b := range f.buffers {
		b.refuse()
	}
	var errs []error
	for _, b := range f.buffers {
		errs = append(errs, b.Close(ctx))
	}
	return errors.Join(errs...)
}
