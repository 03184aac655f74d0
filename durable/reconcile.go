package durable

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
)

// janitorLock is the name of the lock of whoever reconciles.
const janitorLock = "janitor.lock"

// reconcile has the history say of each execution what is so: of those that nobody runs
// any more it learns the ending, or that there is none. Then they are sealed. One program
// at a time does so; who finds another at it leaves it to that.
func (e *Engine) reconcile(ctx context.Context) error {
	lock, err := lockSoon(ctx, filepath.Join(e.dir, janitorLock), 50*time.Millisecond)
	if lock == nil || err != nil {
		return err
	}
	defer func() { _ = unlock(lock) }()
	names, err := e.folders.Active()
	if err != nil {
		return err
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		id, err := engine.ParseID(name)
		if err != nil {
			continue // no execution has this name
		}
		if err := e.settle(ctx, id); err != nil && ctx.Err() == nil { // else it is we who are ending
			e.damaged(ctx, name, err)
		}
	}
	err = e.runner.claims.clear(func(id engine.ID) (bool, error) {
		x, err := e.Get(ctx, id) // which ends what nobody is going to start
		if errors.Is(err, folder.ErrDamaged) {
			e.damaged(ctx, id.String(), err)
			return true, nil
		}
		return errors.Is(err, engine.ErrExpired) || x.Status == engine.Running || x.Status.Terminal(), ignoreExpired(err)
	})
	return errors.Join(err, e.settleMissing(ctx, names))
}

func ignoreExpired(err error) error {
	if errors.Is(err, engine.ErrExpired) {
		return nil
	}
	return err
}

// settle deals with one folder: where nobody runs its execution any more, the history
// gets its ending, and it is sealed.
func (e *Engine) settle(ctx context.Context, id engine.ID) error {
	f, err := e.folders.Find(id.String())
	if err != nil || f.Sealed() {
		return ignoreMissing(err)
	}
	if alive, err := f.Alive(); err != nil || alive {
		return ignoreMissing(err)
	}
	switch x, err := e.Get(ctx, id); {
	case errors.Is(err, engine.ErrNotFound): // the history is younger than the folder
		_, err = e.remember(ctx, f)
		return err
	case errors.Is(err, engine.ErrExpired):
		_, err = e.forget(ctx, id)
		return err
	case errors.Is(err, folder.ErrDamaged):
		return errors.Join(err, e.giveUp(ctx, id))
	case err != nil:
		return err
	case !x.Status.Terminal():
		return nil // it is being found out
	}
	if _, err := e.List(ctx, engine.Filter{Limit: 1}); err != nil { // the history has what is noted
		return err
	}
	if mine, err := f.Claim(); err != nil || !mine {
		return ignoreMissing(err)
	}
	if err := errors.Join(f.Seal(), f.Release()); err != nil { //nolint:contextcheck // one execution is sealed as a whole
		return err
	}
	_, err = e.forget(ctx, id) // who has deleted it meanwhile could not claim it
	return err
}

// settleMissing ends what the history has as running and that has no folder among the
// active. A damaged one is no reason not to look at the others.
func (e *Engine) settleMissing(ctx context.Context, active []string) error {
	filter := engine.Filter{Status: []engine.Status{engine.Running}, Limit: 1000}
	for {
		p, err := e.store.List(ctx, filter)
		if err != nil {
			return err
		}
		for i := range p.Executions {
			id := p.Executions[i].ID
			if slices.Contains(active, id.String()) {
				continue
			}
			switch _, err := e.Get(ctx, id); {
			case errors.Is(err, folder.ErrDamaged):
				e.damaged(ctx, id.String(), errors.Join(err, e.giveUp(ctx, id)))
			case err != nil:
				return err
			}
		}
		if filter.After = p.Next; p.Next == "" {
			return nil
		}
	}
}

// giveUp has the history say that an execution is lost which nobody runs, and whose folder is
// damaged where its ending would be.
func (e *Engine) giveUp(ctx context.Context, id engine.ID) error {
	rec, err := e.store.Get(ctx, id)
	if err != nil || rec.Execution.Status.Terminal() {
		return err
	}
	x := &rec.Execution
	err = e.store.Note(ctx, engine.Change{ID: id, Status: engine.Lost, Result: &engine.Result{
		ID: id, Status: engine.Lost, Cause: engine.CauseLost, ExitCode: -1, Error: "it is damaged where it says how it ended",
		AcceptedAt: x.AcceptedAt, StartedAt: x.StartedAt, CompletedAt: x.StartedAt,
	}})
	if errors.Is(err, engine.ErrFinished) {
		return nil
	}
	return err
}

// damaged reports a folder that cannot be read. It is left as it is.
func (e *Engine) damaged(ctx context.Context, name string, err error) {
	if !slices.Contains(e.report.Damaged, name) {
		e.report.Damaged = append(e.report.Damaged, name)
		e.log().WarnContext(ctx, "an execution cannot be read", slog.String("execution_id", name), slog.Any("error", err))
	}
}

func (e *Engine) log() *slog.Logger {
	if l := e.config.Engine.Logger; l != nil {
		return l
	}
	return slog.Default()
}

// Rebuild makes the history anew of the folders: those that it does not know, it gets to
// know. It returns how many these were. What waited and was never started has no
// folder, and is known to the history alone.
func (e *Engine) Rebuild(ctx context.Context) (int, error) {
	folders, err := e.folders.Sealed()
	if err != nil {
		return 0, err
	}
	names, err := e.folders.Active()
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		f, err := e.folders.Find(name)
		if err == nil {
			folders = append(folders, f)
		} else if err = ignoreMissing(err); err != nil {
			return 0, err
		}
	}
	n := 0
	for _, f := range folders {
		if ctx.Err() != nil {
			return n, context.Cause(ctx)
		}
		isNew, err := e.remember(ctx, f)
		if err != nil {
			e.damaged(ctx, f.ID(), err)
		}
		if isNew {
			n++
		}
	}
	_, err = e.List(ctx, engine.Filter{Limit: 1}) // the history has what is noted
	return n, err
}

// remember tells the history of an execution that has a folder, and reports whether that
// was news.
func (e *Engine) remember(ctx context.Context, f *folder.Folder) (bool, error) {
	about, started, err := e.runner.about(f)
	if err != nil {
		return false, err
	}
	known, err := e.store.Accept(ctx, about)
	if known || errors.Is(err, engine.ErrConflict) || errors.Is(err, engine.ErrExpired) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !started.IsZero() {
		if err := e.store.Note(ctx, engine.Change{ID: about.Execution.ID, Status: engine.Running, At: started}); err != nil {
			return true, err
		}
	}
	_, err = e.Get(ctx, about.Execution.ID) // it is followed, and its ending noted
	return true, err
}

// Check looks for damage: in all of the history, in every folder, and between them. It
// returns what it finds, as one error. Nothing is changed.
func (e *Engine) Check(ctx context.Context) error {
	faults := []error{e.store.Check(ctx)}
	folders, err := e.folders.Sealed()
	faults = append(faults, err)
	for _, f := range folders {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		id, err := engine.ParseID(f.ID())
		if err == nil {
			_, err = e.store.Get(ctx, id)
		}
		if errors.Is(err, engine.ErrNotFound) {
			err = engine.Advise(fmt.Errorf("the history does not know it: %w", err), "cloudops history rebuild has it learn")
		}
		var ending engine.Ending
		if err = errors.Join(err, e.runner.read(f, &ending)); err != nil { //nolint:contextcheck // see settle
			faults = append(faults, fmt.Errorf("execution %s: %w", f.ID(), err))
		}
	}
	return errors.Join(faults...)
}
