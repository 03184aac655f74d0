package durable

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
)

// Retention is what is kept of what has finished. Zero fields have their defaults. An owner
// sees to it every minute; a guest when nobody has for an hour.
type Retention struct {
	// For is how long. Defaults to 30 days; engine.Forever: no bound.
	For time.Duration
	// Count is how many. Defaults to 100,000; engine.Unlimited: no bound.
	Count int
	// OutputBytes is how much disk the folders of finished executions take together: the
	// output of the oldest goes first, and their results stay. Defaults to 10 GiB;
	// engine.Unlimited: no bound.
	OutputBytes int64
}

func (r Retention) withDefaults() Retention {
	r.For = cmp.Or(r.For, keepFor)
	r.Count = cmp.Or(r.Count, 100_000)
	r.OutputBytes = cmp.Or(r.OutputBytes, 10<<30)
	return r
}

// tidyEvery is how often the janitor looks by itself; sealAfter is how long it waits
// after an ending, so that many are dealt with at once.
const (
	tidyEvery = time.Minute
	sealAfter = time.Second
)

const (
	// cleanEvery is how often guests clean up together: most are programs of a moment.
	cleanEvery = time.Hour
	// cleanPatience is how long Shutdown waits for a cleanup that began at the opening.
	// What it does not get done is for the next, an hour later.
	cleanPatience = 500 * time.Millisecond
)

// janitor cleans up as long as the directory is open.
func (e *Engine) janitor(ctx context.Context) {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	e.clean(ctx)
	close(e.cleaned)
	for {
		cleans := false
		select {
		case <-e.tidy:
			select {
			case <-time.After(sealAfter):
			case <-ctx.Done():
				return
			}
		case <-ticker.C:
			cleans = true // it looks at every folder: not after each ending
		case <-ctx.Done():
			return
		}
		if err := e.reconcile(ctx); err != nil && ctx.Err() == nil {
			e.log().WarnContext(ctx, "the state directory could not be tidied", slog.Any("error", err))
		}
		if cleans {
			e.clean(ctx)
		}
	}
}

// clean cleans up where it is time to.
func (e *Engine) clean(ctx context.Context) {
	due, err := e.mayClean()
	if due && err == nil {
		_, err = e.retain(ctx)
	}
	if err != nil && ctx.Err() == nil {
		e.log().WarnContext(ctx, "the state directory could not be cleaned up", slog.Any("error", err))
	}
}

// mayClean reports whether this program is to clean up now, and has the others know: the
// time of the janitor's lock is when somebody last began to.
func (e *Engine) mayClean() (bool, error) {
	lock, err := tryLock(filepath.Join(e.dir, janitorLock))
	if lock == nil || err != nil {
		return false, err
	}
	defer func() { _ = unlock(lock) }()
	at, err := lock.Stat()
	if err != nil {
		return false, err
	}
	since := time.Since(at.ModTime())
	if e.owner == nil && since >= 0 && since < cleanEvery { // or the clock was wrong
		return false, nil
	}
	now := time.Now()
	return true, os.Chtimes(lock.Name(), now, now)
}

// awaitClean waits for the cleanup that began at the opening, for a moment.
func (e *Engine) awaitClean(ctx context.Context) {
	select {
	case <-e.cleaned:
	case <-time.After(cleanPatience):
	case <-ctx.Done():
	}
}

// wakeJanitor has it look soon. It never waits.
func (e *Engine) wakeJanitor() {
	select {
	case e.tidy <- struct{}{}:
	default:
	}
}

// Cleanup forgets what [Config.Retention] does not keep, in memory and on disk, and
// returns how many executions that were.
func (e *Engine) Cleanup(ctx context.Context) (int, error) {
	n, err := e.retain(ctx)
	_, also := e.Engine.Cleanup(ctx)
	return n, errors.Join(err, also)
}

// retain forgets on disk what is too old or too many.
func (e *Engine) retain(ctx context.Context) (int, error) {
	r := e.config.Retention.withDefaults()
	var d engine.Deletion
	if r.For < engine.Forever {
		d.EndedBefore = time.Now().Add(-r.For)
	}
	if r.Count < engine.Unlimited {
		d.Keep = r.Count
	}
	n := 0
	if !d.EndedBefore.IsZero() || d.Keep > 0 {
		var err error
		if n, err = e.store.Delete(ctx, d); err != nil {
			return n, err
		}
	}
	if err := e.sweepOldest(ctx); err != nil {
		return n, err
	}
	if r.OutputBytes < engine.Unlimited {
		if _, err := e.folders.Trim(folder.Budget{Bytes: r.OutputBytes}); err != nil {
			return n, fmt.Errorf("keep to the disk budget: %w", err)
		}
	}
	return n, nil
}

// Delete forgets finished executions, with their output, and returns how many. See
// engine.Store.
func (e *Engine) Delete(ctx context.Context, d engine.Deletion) (int, error) {
	if err := e.Flush(ctx); err != nil { // who was told of an ending may delete it
		return 0, err
	}
	n, err := e.store.Delete(ctx, d)
	switch {
	case n == 0:
		return n, err
	case d.Match == nil && d.EndedBefore.IsZero() && d.Keep == 0 && d.KeepBytes == 0: // it was these alone
		for _, id := range d.IDs {
			_, also := e.forget(ctx, id)
			err = errors.Join(err, also)
		}
		return n, err
	}
	return n, errors.Join(err, e.sweep(ctx))
}

// sweepMost is how many folders in a row are looked at that stay. Who ended first is
// forgotten first, and has one of the first folders.
const sweepMost = 100

// sweepOldest removes the folders of what retention has forgotten, now or in a cleanup that
// did not get to its end.
func (e *Engine) sweepOldest(ctx context.Context) error {
	sealed, err := e.folders.Sealed()
	if err != nil {
		return err
	}
	stay := 0
	for _, f := range sealed {
		if stay == sweepMost {
			return nil
		}
		stay++
		id, wrong := engine.ParseID(f.ID())
		if wrong != nil {
			continue
		}
		gone, err := e.forget(ctx, id)
		if err != nil {
			return err
		}
		if gone {
			stay = 0
		}
	}
	return nil
}

// sweep removes the folders of what the history has forgotten.
func (e *Engine) sweep(ctx context.Context) error {
	sealed, err := e.folders.Sealed()
	ids, also := e.folders.Active()
	err = errors.Join(err, also)
	for _, f := range sealed {
		ids = append(ids, f.ID())
	}
	for _, name := range ids {
		if id, wrong := engine.ParseID(name); wrong == nil {
			_, also := e.forget(ctx, id)
			err = errors.Join(err, also)
		}
	}
	return err
}

// forget removes the folder of an execution, if the history has forgotten it, and reports
// whether it has.
func (e *Engine) forget(ctx context.Context, id engine.ID) (bool, error) {
	if _, err := e.store.Get(ctx, id); !errors.Is(err, engine.ErrExpired) {
		return false, nil // what is not known to be forgotten stays
	}
	f, err := e.folders.Find(id.String())
	if err != nil {
		return true, ignoreMissing(err)
	}
	if !f.Sealed() {
		mine, err := f.Claim()
		if err != nil || !mine && !f.Sealed() { // who seals it at this moment looks once more
			return true, ignoreMissing(err)
		}
	}
	return true, ignoreMissing(f.Remove())
}
