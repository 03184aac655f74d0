package events

import (
	"slices"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Select says which events pass a [Filter]. The zero value has all pass; of what is
// set, all must hold.
type Select struct {
	// Kinds are the kinds that pass; empty: all.
	Kinds []engine.EventKind
	// IDs are the executions whose events pass; empty: all.
	IDs []engine.ID
}

// Endings are the kinds of event that are the last of an execution.
func Endings() []engine.EventKind {
	return []engine.EventKind{
		engine.ExecutionCompleted, engine.ExecutionFailed, engine.ExecutionCancelled,
		engine.ExecutionTimedOut, engine.ExecutionRejected, engine.ExecutionLost,
	}
}

// Filter returns a handler that hands on to h the events that s selects. An
// EventsMissed event passes whatever the kinds, unless it is about an execution
// that IDs leave out: what is missing may have been selected.
func Filter(h engine.EventHandler, s Select) engine.EventHandler {
	s.Kinds, s.IDs = slices.Clone(s.Kinds), slices.Clone(s.IDs)
	return &filter{handler: h, choose: s.choose}
}

func (s *Select) choose(ev *engine.Event) *engine.Event {
	missed := ev.Kind == engine.EventsMissed
	switch {
	case missed && ev.ExecutionID == (engine.ID{}):
		return ev
	case len(s.IDs) > 0 && !slices.Contains(s.IDs, ev.ExecutionID):
		return nil
	case len(s.Kinds) > 0 && !missed && !slices.Contains(s.Kinds, ev.Kind):
		return nil
	}
	return ev
}

// filter hands on what is chosen. As any handler it is called by one goroutine at
// a time.
type filter struct {
	handler engine.EventHandler
	choose  func(ev *engine.Event) *engine.Event // nil: it does not pass
	passed  []engine.Event                       // memory to use again
}

// HandleEvents hands on what passes, if anything does. The events of the caller
// stay as they are: others may get them too.
func (f *filter) HandleEvents(events []engine.Event) {
	defer func() {
		clear(f.passed)
		f.passed = f.passed[:0]
	}()
	for i := range events {
		if ev := f.choose(&events[i]); ev != nil {
			f.passed = append(f.passed, *ev)
		}
	}
	if len(f.passed) > 0 {
		f.handler.HandleEvents(f.passed)
	}
}
