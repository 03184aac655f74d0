package engine

import (
	"context"
	"sync"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// WithoutOutput returns a handler for [Config.Handler] that gets of each execution what h
// would get but its output: that it was accepted, that it started, and its ending, whose
// Result has counts and no text. No record is read for it: it costs the same however much
// is written. It is for handlers that count, trace or log. Its events have no Cursor.
//
// What it is behind by is bounded: endings and starts beyond 65,536 that wait for it are
// told in an EventsMissed event.
func WithoutOutput(h EventHandler) EventHandler { return lifeHandler{h} }

// lifeHandler is one that New has hear of lives alone.
type lifeHandler struct{ EventHandler }

// mostSteps is how many steps wait for a handler at most.
const mostSteps = 1 << 16

// lives brings the steps of executions to a handler that takes no output. It is told of
// each under the lock of the engine, and does no more than to note it there.
type lives struct {
	engine  *Engine
	handler EventHandler
	group   *lifecycle.Group
	wake    chan struct{}
	idle    chan struct{} // holds a token while nothing is left to tell

	mu     sync.Mutex
	steps  []step
	busy   bool // the handler has some
	missed Missed
}

// step is a note of an execution that lives, or the final of one that ended.
type step struct {
	x    *execution
	note uint8
	at   time.Time
}

func newLives(e *Engine, h EventHandler) *lives {
	return &lives{engine: e, handler: h, group: lifecycle.New(), wake: make(chan struct{}, 1), idle: make(chan struct{}, 1)}
}

// tell adds a step, of executions that this engine accepted or took up. Callers hold the
// engine's mu.
func (l *lives) tell(x *execution, note uint8) {
	if l == nil || !x.told && note != noteAccepted {
		return
	}
	x.told = true
	l.mu.Lock()
	switch {
	case len(l.steps) < mostSteps:
		l.steps = append(l.steps, step{x, note, time.Now().UTC()})
	case note == noteEnded:
		l.missed.Executions++
	default:
		l.missed.Events++
	}
	l.mu.Unlock()
	signal(l.wake)
}

// follow has the handler hear what becomes of an execution that another engine accepted.
func (l *lives) follow(x *execution) {
	if l != nil {
		l.engine.mu.Lock()
		x.told = true
		l.engine.mu.Unlock()
	}
}

// run tells until the engine stops.
func (l *lives) run(ctx context.Context) {
	for {
		select {
		case <-l.wake:
		case <-ctx.Done():
			return
		}
		for l.pass() && ctx.Err() == nil {
		}
	}
}

// pass tells what there is, and reports whether there was something.
func (l *lives) pass() bool {
	l.mu.Lock()
	steps, missed := l.steps, l.missed
	l.steps, l.missed = nil, Missed{}
	if l.busy = len(steps) > 0 || missed != (Missed{}); !l.busy {
		signal(l.idle)
	}
	l.mu.Unlock()
	var events []Event
	if missed != (Missed{}) {
		events = append(events, Event{Kind: EventsMissed, Time: time.Now().UTC(), Missed: missed})
	}
	for i := range steps {
		of := l.engine.subjectOf(steps[i].x)
		events = append(events, of.stepsOf(&steps[i])...)
		if steps[i] = (step{}); len(events) >= deliverAtOnce {
			callHandler(l.handler, events, l.engine.config.Logger)
			events = nil
		}
	}
	if len(events) > 0 {
		callHandler(l.handler, events, l.engine.config.Logger)
	}
	return len(steps) > 0 || missed != (Missed{})
}

// stepsOf are the events of a step: those of eventsOf, and an ending without text.
func (s *subject) stepsOf(p *step) (events []Event) {
	if p.note == noteEnded {
		f := s.live.final
		events = f.lastEvents(nil, f.ending())
		events[len(events)-1].Trace = f.request.request().Trace
	} else {
		events = s.eventsOf(nil, &journal.Record{Code: p.note})
	}
	for i := range events {
		events[i].ExecutionID, events[i].Time = s.id, p.at
	}
	return events
}

func (l *lives) close(ctx context.Context) {
	closeHandler(ctx, l.group, l.drain, l.engine.config.Logger)
}

// drain reports whether the handler got everything before the context was done.
func (l *lives) drain(ctx context.Context) bool {
	for {
		l.mu.Lock()
		left := l.busy || len(l.steps) > 0 || l.missed != (Missed{})
		l.mu.Unlock()
		if !left {
			return true
		}
		signal(l.wake)
		if waitFor(ctx, l.idle) != nil {
			return false
		}
	}
}
