package events

import (
	"context"
	"maps"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// lookupTimeout bounds how long tags are asked for, where the engine is behind a
// wire.
const lookupTimeout = 5 * time.Second

// FilterTags returns a handler that hands on to h the events of the executions
// whose metadata has all of these tags with these values.
//
// Events do not carry tags. engineFunc returns the engine that makes the events;
// it is asked for an execution by Get, once, at its first event, and what it says
// holds until the ending. It is called first when something was executed, so that it may
// return a variable which engine.New sets after this handler was made:
//
//	var e *engine.Engine
//	h := events.FilterTags(console, tags, func() engine.API { return e })
//	e, err = engine.New(engine.Config{Handler: h})
//
// Where the tags cannot be had, because the execution was cleaned up before its
// events came here or the engine does not answer within 5 seconds, its events do
// not pass, and h is told once, by an EventsMissed event with its id and
// Missed.Executions 1. EventsMissed events about no one execution pass; events of
// plans do not.
func FilterTags(h engine.EventHandler, tags map[string]string, engineFunc func() engine.API) engine.EventHandler {
	t := &tagged{tags: maps.Clone(tags), engineFunc: engineFunc, known: make(map[engine.ID]verdict)}
	return &filter{handler: h, choose: t.choose}
}

// tagged knows which executions have the tags. It forgets one at its ending, and
// all when it hears that endings are missing.
type tagged struct {
	tags       map[string]string
	engineFunc func() engine.API
	known      map[engine.ID]verdict
}

// verdict is what is known of the tags of an execution.
type verdict uint8

const (
	matching verdict = iota + 1
	other
	unknown
)

func (t *tagged) choose(ev *engine.Event) *engine.Event {
	if ev.Kind == engine.EventsMissed && ev.Missed.Executions > 0 {
		clear(t.known)
	}
	if ev.ExecutionID == (engine.ID{}) {
		if ev.Kind == engine.EventsMissed {
			return ev
		}
		return nil
	}
	v, ok := t.known[ev.ExecutionID]
	if !ok {
		v = t.look(ev.ExecutionID)
		t.known[ev.ExecutionID] = v
	}
	if ev.Kind.Terminal() {
		delete(t.known, ev.ExecutionID)
	}
	switch {
	case v == matching:
		return ev
	case v == unknown && !ok:
		n := notice(ev)
		extend(&n, ev, engine.Missed{Executions: 1})
		return &n
	default:
		return nil
	}
}

// look asks the engine for the tags of an execution.
func (t *tagged) look(id engine.ID) verdict {
	if t.engineFunc == nil {
		return unknown
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	x, err := t.engineFunc().Get(ctx, id)
	if err != nil {
		return unknown
	}
	for name, value := range t.tags {
		if has, ok := x.Metadata.Tags[name]; !ok || has != value {
			return other
		}
	}
	return matching
}
