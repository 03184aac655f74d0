package engine

import (
	"context"
	"iter"

	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// WatchPlan yields the events of a plan on any engine, and those of all its commands, as one
// stream until the plan has ended: those of each execution in their order, all of a
// command's behind the event that it runs and before the one that it is over, those of
// commands that run at once as they come. From is a cursor of the plan: of commands that
// are over before it nothing is yielded, of others all. A yielded error is the last
// thing, as of Watch; a command whose record is not kept any more has none. Of a remote
// engine it is one stream, which goes on where it was when the connection is cut.
func WatchPlan(ctx context.Context, e API, id ID, from Cursor) iter.Seq2[Event, error] {
	if remote, ok := e.(planWatcher); ok {
		return remote.WatchPlan(ctx, id, from)
	}
	return ResumePlan(ctx, e, id, from, nil)
}

// planWatcher is an engine that has a plan and its commands as one stream: one behind a wire.
type planWatcher interface {
	WatchPlan(ctx context.Context, id ID, from Cursor) iter.Seq2[Event, error]
}

// ResumePlan is WatchPlan for who has followed the plan before: besides, it goes on in each of
// its commands where it was, and from their start in those that are not among them. Who
// serves a wire asks for it.
func ResumePlan(ctx context.Context, e API, id ID, from Cursor, commands map[ID]Cursor) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		w := &planWatch{
			engine: e, group: lifecycle.New(), from: from, commands: commands,
			events: make(chan watched), running: map[ID]bool{}, ended: map[ID]chan struct{}{},
		}
		defer func() { // who writes to the channel heeds its context
			cancel()
			w.group.Stop(context.Canceled)
			w.group.Wait()
		}()
		w.group.Go(func(context.Context) { w.plan(ctx, id) })
		for {
			select {
			case ev := <-w.events:
				if ev.over {
					return
				}
				if !yield(ev.event, ev.err) || ev.err != nil {
					return
				}
			case <-ctx.Done():
				yield(Event{}, context.Cause(ctx))
				return
			}
		}
	}
}

// planWatch follows a plan and its commands.
type planWatch struct {
	engine   API
	group    *lifecycle.Group
	from     Cursor
	commands map[ID]Cursor // where to go on
	events   chan watched
	// Of the follower of the plan alone: commands that run, and of those that are followed
	// what is closed at their end.
	running map[ID]bool
	ended   map[ID]chan struct{}
}

// watched is one event, or the end.
type watched struct {
	event Event
	err   error
	over  bool
}

// send reports whether somebody took it.
func (w *planWatch) send(ctx context.Context, ev watched) bool {
	select {
	case w.events <- ev:
		return true
	case <-ctx.Done():
		return false
	}
}

// plan follows the plan. Before it tells that a command is over it waits until all of
// that was told.
func (w *planWatch) plan(ctx context.Context, id ID) {
	reached := false // from
	for ev, err := range w.engine.Watch(ctx, id, 0) {
		if err != nil {
			w.send(ctx, watched{err: err})
			return
		}
		command, runs := ID{}, false
		if p := ev.Progress; p != nil && p.CommandID != (ID{}) {
			command, runs = p.CommandID, p.State == PlanState(Running)
		}
		if over := command != (ID{}) && !runs; over && !w.told(ctx, command) {
			return
		}
		if ev.Cursor > w.from && !w.send(ctx, watched{event: ev}) {
			return
		}
		if runs {
			w.running[command] = true
		}
		switch {
		case ev.Cursor < w.from:
		case !reached:
			reached = true
			w.followRunning(ctx)
		case runs:
			w.follow(ctx, command)
		}
	}
	w.send(ctx, watched{over: true})
}

// followRunning follows the commands that run where the plan begins to be followed.
func (w *planWatch) followRunning(ctx context.Context) {
	for command := range w.running {
		w.follow(ctx, command)
	}
}

// told waits until all of a command was told that is followed.
func (w *planWatch) told(ctx context.Context, command ID) bool {
	delete(w.running, command)
	if w.ended[command] == nil {
		return true
	}
	select {
	case <-w.ended[command]:
		delete(w.ended, command)
		return true
	case <-ctx.Done():
		return false
	}
}

// follow follows a command.
func (w *planWatch) follow(ctx context.Context, id ID) {
	done := make(chan struct{})
	w.ended[id] = done
	w.group.Go(func(context.Context) {
		defer close(done)
		for ev, err := range w.engine.Watch(ctx, id, w.commands[id]) {
			if err != nil || !w.send(ctx, watched{event: ev}) {
				return // it is not kept any more: its ending is in the plan's
			}
		}
	})
}
