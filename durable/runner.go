package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/history"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/supervisor"
)

// runner starts executions in the directory, and finds those of others there.
type runner struct {
	start   engine.Runner // under supervisors, or in this process
	close   []func() error
	find    engine.Finder
	folders *folder.State
	claims  *claims
	held    engine.Containment
	slots   int    // how many may run in the directory
	out     bool   // what it starts outlives this process
	wake    func() // has the janitor look soon
	// isConducted reports whether a plan runs in some process, and cancel asks that to
	// cancel it.
	isConducted func(context.Context, engine.ID) bool
	cancel      func(engine.ID, engine.Cancellation) error
}

var (
	_ engine.Finder    = (*runner)(nil)
	_ engine.Neighbour = (*runner)(nil)
)

func newRunner(e *Engine) (*runner, error) {
	options := supervisor.Options{
		Dir: e.dir, Slots: e.config.Engine.WithDefaults().MaxConcurrent, Containment: e.config.Engine.Containment, About: about,
		Relaxed: e.config.Durability == history.ProcessDeath,
	}
	if !e.config.Guest {
		options.Warm = 2
	}
	found, err := supervisor.New(options)
	if errors.Is(err, supervisor.ErrNoHook) {
		return nil, engine.Advise(fmt.Errorf("%w: %w", engine.ErrUnsupported, err), "call durable.Main first of all in main, and in TestMain")
	}
	if err != nil {
		return nil, err
	}
	r := &runner{
		start: found, find: found, close: []func() error{found.Close},
		folders: e.folders, held: options.Containment, slots: options.Slots, out: !e.config.Foreground, wake: e.wakeJanitor,
	}
	if e.config.Foreground {
		here, err := supervisor.NewRecorder(options)
		if err != nil {
			return nil, errors.Join(err, found.Close())
		}
		r.start, r.close = here, append(r.close, here.Close)
	}
	if r.claims, err = newClaims(e.dir); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Close lets go of what runs elsewhere.
func (r *runner) Close() (err error) {
	for _, f := range r.close {
		err = errors.Join(err, f())
	}
	return err
}

// Containment is how trees are held together.
func (r *runner) Containment() engine.Containment { return r.held }

// Outlives reports whether what it starts outlives this process.
func (r *runner) Outlives() bool { return r.out }

// Start starts an execution. One that somebody has withdrawn meanwhile ends as that has
// it.
func (r *runner) Start(ctx context.Context, l *engine.Launch) (engine.Control, error) {
	own := *l
	own.Ended = func(end engine.Ending) {
		l.Ended(end)
		r.wake()
	}
	control, err := r.start.Start(ctx, &own)
	if !errors.Is(err, engine.ErrBusy) {
		r.claims.drop(l.ID)
	}
	if !errors.Is(err, fs.ErrExist) {
		return control, err
	}
	f, err := r.folders.Find(l.ID.String())
	if err != nil {
		return nil, err
	}
	var end engine.Ending
	if err := f.Ending(&end); err != nil {
		return nil, fmt.Errorf("somebody else has started it: %w", err)
	}
	own.Ended(end)
	return ended{}, nil
}

// Find goes on with an execution that was started. What a guest has left before its start
// is lost.
func (r *runner) Find(ctx context.Context, l *engine.Launch) (engine.Control, error) {
	own := *l
	own.Ended = func(end engine.Ending) {
		l.Ended(end)
		r.wake()
	}
	control, err := r.find.Find(ctx, &own)
	if !errors.Is(err, engine.ErrNotFound) {
		return control, err
	}
	claimed, alive, also := r.claims.state(l.ID)
	switch {
	case also != nil:
		return nil, also
	case !claimed: // or not any more: a guest gives its claim up when it has started it
		return r.find.Find(ctx, &own)
	case alive:
		return nil, fmt.Errorf("%w: the program that accepted it is about to start it", engine.ErrBusy)
	}
	gone := engine.Ending{Cause: engine.CauseLost, ExitCode: -1, Error: "the program that accepted it ended before it was started", Ended: time.Now()}
	if err := r.find.Withdraw(ctx, l.ID, gone); err != nil && !errors.Is(err, engine.ErrFinished) {
		return nil, err
	}
	r.claims.drop(l.ID)
	return r.find.Find(ctx, &own)
}

// Withdraw has nobody start an execution, and whoever conducts a plan cancel it.
func (r *runner) Withdraw(ctx context.Context, id engine.ID, end engine.Ending) error {
	if r.isConducted(ctx, id) {
		return r.cancel(id, engine.Cancellation{Actor: end.CancelledBy, Force: end.Forced})
	}
	defer r.wake()
	return r.find.Withdraw(ctx, id, end)
}

// ended controls what has ended.
type ended struct{ engine.Control }

// description is what the folder of an execution says of it, for a history that does not
// know it.
type description struct {
	Execution engine.Execution `json:"execution"`
	Digest    []byte           `json:"digest"`
	Request   json.RawMessage  `json:"request"`
}

// about is the description of an execution that is about to start. It has no secrets.
func about(l *engine.Launch) (json.RawMessage, error) {
	a, err := engine.NewAcceptance(*l.Request, l.AcceptedAt, l.Mask)
	if err != nil {
		return nil, err
	}
	return json.Marshal(description{Execution: a.Execution, Digest: a.Digest[:], Request: a.Request})
}

// about is what a folder says of its execution, and when that was started.
func (r *runner) about(f *folder.Folder) (a engine.Acceptance, started time.Time, err error) {
	text, started, err := supervisor.About(f)
	if err != nil {
		return a, started, err
	}
	if len(text) == 0 {
		return a, started, fmt.Errorf("%w: it was ended before its start, and is described nowhere else", fs.ErrNotExist)
	}
	var d description
	if err := json.Unmarshal(text, &d); err != nil {
		return a, started, fmt.Errorf("%w: %w", folder.ErrDamaged, err)
	}
	a.Execution, a.Request = d.Execution, d.Request
	copy(a.Digest[:], d.Digest)
	return a, started, nil
}

// read reads all that a folder has.
func (r *runner) read(f *folder.Folder, end *engine.Ending) error {
	if err := f.Ending(end); err != nil {
		return err
	}
	return f.Check()
}
