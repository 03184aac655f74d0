package client

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"connectrpc.com/connect"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// Watch yields the events of an execution. See [engine.API]. Where the connection is cut it
// goes on from the last event that was yielded. Lines may share memory: who keeps one for
// long keeps a copy.
func (c *Client) Watch(ctx context.Context, id engine.ID, from engine.Cursor) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		for ev, err := range c.WatchAll(ctx, map[engine.ID]engine.Cursor{id: from}) {
			if failed, ok := errors.AsType[*ExecutionError](err); ok {
				err = failed.Err
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

// ExecutionError is why the events of one execution of several cannot be had.
type ExecutionError struct {
	ID  engine.ID
	Err error
}

// Error says which execution and why.
func (e *ExecutionError) Error() string { return fmt.Sprintf("execution %s: %v", e.ID, e.Err) }

// Unwrap returns why.
func (e *ExecutionError) Unwrap() error { return e.Err }

// WatchAll yields the events of up to 1,000 executions by one stream, each from its cursor,
// replayed and then live, and ends after the last of all. Those of one execution are in
// order. Where the connection is cut each goes on from its last event that was yielded.
//
// An error that is an [*ExecutionError] ends one execution, and the others go on. Any other
// is the last thing. Errors as of [Client.Watch], and engine.ErrInvalid for too many.
func (c *Client) WatchAll(ctx context.Context, from map[engine.ID]engine.Cursor) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		if len(from) == 0 {
			return
		}
		w := &watching{places: make(map[engine.ID]*place, len(from)), yield: yield}
		for id, at := range from {
			w.places[id] = &place{at: at}
		}
		err := follow(ctx, c, w.goesOn, func(ctx context.Context) (*connect.ServerStreamForClient[pb.WatchResponse], error) {
			return c.rpc.Watch(ctx, &pb.WatchRequest{
				Executions: w.positions(), KeepAliveMs: c.keepAlive(), Packed: true, WithoutOutput: c.config.WithoutOutput,
			})
		}, w.take)
		if err != nil && w.goesOn() {
			yield(engine.Event{}, err)
		}
	}
}

// WatchPlan yields the events of a plan and of its commands, as [engine.WatchPlan] does, by one
// stream. Where the connection is cut each goes on from its last event that was yielded.
// Errors as of [Client.Watch].
func (c *Client) WatchPlan(ctx context.Context, id engine.ID, from engine.Cursor) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		w := &watching{places: map[engine.ID]*place{id: {at: from}}, plan: id, yield: func(ev engine.Event, err error) bool {
			if failed, ok := errors.AsType[*ExecutionError](err); ok {
				err = failed.Err
			}
			return yield(ev, err)
		}}
		err := follow(ctx, c, w.goesOn, func(ctx context.Context) (*connect.ServerStreamForClient[pb.WatchResponse], error) {
			return c.rpc.Watch(ctx, &pb.WatchRequest{
				Executions: w.planPositions(), Plan: true, KeepAliveMs: c.keepAlive(), Packed: true, WithoutOutput: c.config.WithoutOutput,
			})
		}, w.take)
		if err != nil && w.goesOn() {
			yield(engine.Event{}, err)
		}
	}
}

// mostPositions is how many a request may have. Of commands beyond what comes again is not
// yielded again.
const mostPositions = 1000

// planPositions are those of a plan, which is the first, and of its commands that run.
func (w *watching) planPositions() []*pb.Position {
	all := []*pb.Position{{Id: w.plan.String(), From: int64(w.places[w.plan].at)}}
	for id, p := range w.places {
		if id != w.plan && len(all) < mostPositions {
			all = append(all, &pb.Position{Id: id.String(), From: int64(p.at)})
		}
	}
	return all
}

// watching is a reader of events of several executions.
type watching struct {
	places map[engine.ID]*place // of those that have not ended
	plan   engine.ID            // whose commands come with it; zero: there is none
	yield  func(engine.Event, error) bool
}

// place is how far the events of an execution were yielded.
type place struct {
	at engine.Cursor
	// Numbers of the last lines without a newline, which come again: of stdout and stderr.
	unended [2]int64
}

// goesOn reports whether anything is to be expected.
func (w *watching) goesOn() bool { return len(w.places) > 0 }

// positions are where a stream begins that goes on.
func (w *watching) positions() []*pb.Position {
	all := make([]*pb.Position, 0, len(w.places))
	for id, p := range w.places {
		all = append(all, &pb.Position{Id: id.String(), From: int64(p.at)})
	}
	return all
}

// take yields what one message has.
func (w *watching) take(m *pb.WatchResponse) error {
	for _, e := range m.GetEvents() {
		if err := wire.DecodeEvents(e, w.one); err != nil {
			return err
		}
	}
	for _, f := range m.GetFailures() {
		if err := w.failed(f); err != nil {
			return err
		}
	}
	return nil
}

func (w *watching) one(ev *engine.Event) error {
	p := w.places[ev.ExecutionID]
	switch {
	case p == nil && (w.plan == engine.ID{} || !w.goesOn()):
		return nil // it has ended
	case p == nil:
		p = &place{}
		w.places[ev.ExecutionID] = p
	case w.plan != engine.ID{} && ev.Cursor <= p.at && !ev.Unended:
		return nil // there was no room to say where it was
	}
	if ev.Unended {
		last := &p.unended[engine.Stdout]
		if ev.Kind == engine.StderrWritten {
			last = &p.unended[engine.Stderr]
		}
		if *last == ev.Number && ev.Cursor == p.at {
			return nil // it stands where it stood before the connection was cut
		}
		*last = ev.Number
	}
	p.at = ev.Cursor
	switch {
	case w.plan == engine.ID{}:
		if ev.Kind.Terminal() {
			delete(w.places, ev.ExecutionID)
		}
	case ev.ExecutionID == w.plan && ev.Kind.Terminal():
		clear(w.places)
	case ev.Progress != nil && ev.Progress.State != engine.PlanState(engine.Running):
		delete(w.places, ev.Progress.CommandID) // all of it came before
	}
	if !w.yield(*ev, nil) {
		return errEnough
	}
	return nil
}

// failed yields why an execution cannot be had. That its engine has ended is no reason:
// whoever comes after it has it.
func (w *watching) failed(f *pb.Failure) error {
	err := wire.DecodeError(f.GetError())
	id, faulty := engine.ParseID(f.GetExecutionId())
	if cut(err) || faulty != nil {
		return err
	}
	if delete(w.places, id); id == w.plan {
		clear(w.places)
	}
	if !w.yield(engine.Event{}, &ExecutionError{id, err}) {
		return errEnough
	}
	return nil
}
