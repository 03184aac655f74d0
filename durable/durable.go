package durable

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/history"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
	"github.com/escher-dbai/cloudops-engine/internal/process"
	"github.com/escher-dbai/cloudops-engine/internal/supervisor"
)

// Config says how a state directory is opened. The zero value is a good one.
type Config struct {
	// Engine is how the engine works. Its Store and Runner must be nil.
	Engine engine.Config
	// Guest has this program start nothing that waits: what it is asked to execute
	// starts at once, or is refused with ErrConcurrencyLimit. For programs that live
	// shortly, beside one that is the owner or without any. Where another program is the
	// owner this one is a guest, whatever it says here; see [Report].
	Guest bool
	// Owner has Open refuse with ErrNotOwner where another program is the owner already.
	// Without it this program goes on beside that one, and starts nothing that waits.
	Owner bool
	// Foreground has what is executed here run in this process and end with it, so that it
	// may have a Tee, a reader as stdin and our terminal. It is recorded like any other,
	// and others can follow and cancel it. It is for guests.
	Foreground bool
	// Durability is what an acknowledged request, a start and an ending survive. Defaults to
	// history.PowerLoss. With history.ProcessDeath nothing waits for the device.
	Durability history.Durability
	// Retention is what is kept of what has finished. What it does not keep is forgotten,
	// the oldest first; what has not ended never is.
	Retention Retention
}

// Engine is an engine in a state directory. It is safe for concurrent use; make it with
// [Open] and close it with Shutdown.
type Engine struct {
	*engine.Engine

	dir     string
	config  Config
	store   *history.Store
	folders *folder.State
	runner  *runner
	plans   *conducted
	owner   *os.File // locked; nil where another has it
	report  Report
	group   *lifecycle.Group
	tidy    chan struct{} // wakes the janitor
	cleaned chan struct{} // closed when it has cleaned up at the opening, if it was to
	closing sync.Once
}

var _ engine.API = (*Engine)(nil)

// Report says what was found when a state directory was opened.
type Report struct {
	// Owner says that this program starts what waits in the queue.
	Owner bool `json:"owner"`
	// Recovery is what the owner took up.
	engine.Recovery
	// HistorySetAside is where a damaged history was moved, HistoryDamage what was wrong
	// with it, and Rebuilt how many executions the new one has of the folders. Empty:
	// it was whole.
	HistorySetAside string `json:"history_set_aside,omitempty"`
	HistoryDamage   string `json:"history_damage,omitempty"`
	Rebuilt         int    `json:"rebuilt,omitempty"`
	// Damaged are the folders of executions that could not be read. They are left as they
	// are.
	Damaged []string `json:"damaged,omitempty"`
}

// Report says what was found when the directory was opened.
func (e *Engine) Report() Report { return e.report }

// Dir is the state directory.
func (e *Engine) Dir() string { return e.dir }

// Open opens a state directory, which is made where there is none. The context bounds
// the opening. Errors: ErrForeign, ErrNewer, ErrNotOwner, those of history.Open,
// engine.ErrInvalidConfig, engine.ErrUnsupported where the program does not call [Main]
// or the system has no durable mode, the system's.
func Open(ctx context.Context, dir string, c Config) (*Engine, error) {
	if c.Engine.Store != nil || c.Engine.Runner != nil {
		return nil, fmt.Errorf("%w: a durable engine has a store and a runner of its own", engine.ErrInvalidConfig)
	}
	if c.Foreground && !c.Guest {
		return nil, fmt.Errorf("%w: foreground is for guests: what an owner starts outlives it", engine.ErrInvalidConfig)
	}
	if c.Owner && c.Guest {
		return nil, fmt.Errorf("%w: a guest is never the owner", engine.ErrInvalidConfig)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := prepare(dir); err != nil {
		return nil, err
	}
	e := &Engine{dir: dir, config: c, group: lifecycle.New(), tidy: make(chan struct{}, 1), cleaned: make(chan struct{})}
	if err := e.open(ctx); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

func (e *Engine) open(ctx context.Context) (err error) {
	if e.store, err = history.Open(ctx, e.dir, history.Config{Durability: e.config.Durability}); err != nil {
		return err
	}
	if e.folders, err = folder.Open(e.dir); err != nil {
		return fmt.Errorf("open the state directory: %w", err)
	}
	if e.config.Durability == history.ProcessDeath {
		e.folders.Relax()
	}
	if !e.config.Guest {
		if err := e.own(ctx); err != nil {
			return err
		}
		e.config.Guest = e.owner == nil // the next owner would start what waits here too
	}
	if e.owner != nil {
		process.KeepThreads(threads)
	}
	c := e.config.Engine
	if e.runner, err = newRunner(e); err != nil {
		return err
	}
	e.plans = &conducted{dir: e.runner.claims.dir, came: make(chan struct{}, 1)}
	e.runner.isConducted, e.runner.cancel = e.isConducted, e.plans.ask
	kept := &store{Store: e.store}
	if e.config.Guest {
		kept.claims, kept.room = e.runner.claims, e.room
	}
	c.Store, c.Runner = kept, e.runner
	c.FailFast = c.FailFast || e.config.Guest
	if e.Engine, err = engine.New(c); err != nil {
		return err
	}
	return e.takeUp(ctx)
}

// Execute accepts a request. See engine.API. A guest starts it at once, and returns when it
// runs, or has ended: nobody would start it later. Errors besides: ErrConcurrencyLimit
// where as many run in the directory as may.
func (e *Engine) Execute(ctx context.Context, r engine.Request) (engine.ID, error) {
	if _, isPlan := r.Command.(engine.Plan); isPlan && e.config.Guest && !e.config.Foreground {
		return engine.ID{}, engine.Advise(fmt.Errorf("%w: a plan needs a program that stays and goes on with it, and nobody here does", engine.ErrUnsupported),
			"start a daemon with cloudops serve, or run the plan in the foreground")
	}
	id, err := e.Engine.Execute(ctx, r)
	e.noted(&r, id, err)
	if err != nil || !e.config.Guest || e.config.Foreground {
		return id, err
	}
	for ev, err := range e.Watch(ctx, id, 0) {
		if err != nil {
			return id, fmt.Errorf("wait for the start of execution %s: %w", id, err)
		}
		if ev.Kind != engine.ExecutionAccepted {
			break
		}
	}
	return id, nil
}

// ExecuteBatch accepts several requests, in their order and each on its own. See
// engine.Engine.ExecuteBatch. A guest starts each before it takes the next.
func (e *Engine) ExecuteBatch(ctx context.Context, requests []engine.Request) []engine.Outcome {
	if !e.config.Guest || e.config.Foreground {
		outcomes := e.Engine.ExecuteBatch(ctx, requests)
		for i, o := range outcomes {
			e.noted(&requests[i], o.ID, o.Err)
		}
		return outcomes
	}
	outcomes := make([]engine.Outcome, len(requests))
	for i, r := range requests {
		outcomes[i].ID, outcomes[i].Err = e.Execute(ctx, r)
	}
	return outcomes
}

// noted takes note of a plan that was accepted.
func (e *Engine) noted(r *engine.Request, id engine.ID, err error) {
	if _, isPlan := r.Command.(engine.Plan); isPlan && err == nil {
		e.plans.add(id)
	}
}

// ExecutePlan accepts a plan. See engine.Engine. Errors besides: ErrUnsupported of a guest
// that starts nothing which waits.
func (e *Engine) ExecutePlan(ctx context.Context, p engine.Plan) (engine.ID, error) {
	return e.Execute(ctx, p.Request())
}

// room says whether a guest may start one more.
func (e *Engine) room() error {
	slot, err := e.folders.Slot(e.runner.slots)
	if errors.Is(err, folder.ErrNoSlot) {
		return engine.Advise(fmt.Errorf("%w: %d executions run in %s, which is as many as may", engine.ErrConcurrencyLimit, e.runner.slots, e.dir),
			"wait until one has ended; nobody here starts what waits, unless a daemon does")
	}
	if err != nil {
		return err
	}
	return slot.Close()
}

// takeUp finds out what has become of what the directory has, and goes on from there.
func (e *Engine) takeUp(ctx context.Context) (err error) {
	if found := e.store.Report(); found.SetAside != "" {
		e.report.HistorySetAside, e.report.HistoryDamage = found.SetAside, found.Damage
		if e.report.Rebuilt, err = e.Rebuild(ctx); err != nil {
			return err
		}
	}
	if e.report.Owner = e.owner != nil; e.report.Owner {
		if e.report.Recovery, err = e.Recover(ctx); err != nil {
			return err
		}
		if err := e.resumed(ctx); err != nil {
			return err
		}
	}
	if err := e.reconcile(ctx); err != nil {
		return err
	}
	e.group.Go(e.janitor)
	if e.owner != nil || e.config.Foreground {
		e.group.Go(e.heed)
	}
	return nil
}

// Shutdown closes the directory. What runs below supervisors goes on, what waits is for
// the next owner; what runs in this process ends as Shutdown of an engine has it.
func (e *Engine) Shutdown(ctx context.Context) error {
	e.awaitClean(ctx)
	e.group.Stop(engine.ErrClosed)
	e.group.Wait()
	err := e.Engine.Shutdown(ctx)
	e.closing.Do(func() { err = errors.Join(err, e.close()) })
	return err
}

// Outlives reports whether what runs goes on when the directory is closed.
func (e *Engine) Outlives() bool { return !e.config.Foreground }

// close gives back what open took, as far as it came.
func (e *Engine) close() (err error) {
	e.group.Stop(engine.ErrClosed)
	e.group.Wait()
	if e.runner != nil {
		err = e.runner.Close()
	}
	if e.store != nil {
		err = errors.Join(err, e.store.Close())
	}
	if e.owner != nil {
		err = errors.Join(err, unlock(e.owner))
	}
	return err
}

// Record is what the history has of an execution, its request included. Errors:
// engine.ErrNotFound, engine.ErrExpired, engine.ErrStore.
func (e *Engine) Record(ctx context.Context, id engine.ID) (engine.Record, error) {
	return e.store.Get(ctx, id)
}

// Main makes the program able to be the supervisor of an execution, and its reaper. Call
// it at the top of main, and of TestMain, before anything is opened or started: where
// the program was started as one of them, Main is that and does not return.
func Main() {
	engine.ReaperMain()
	supervisor.Main()
}

// threads are as many as an owner with much to do has been seen with: it lives on where the
// system has no process left for it.
const threads = 8

// keepFor is how long what has finished is kept where nothing else is said.
const keepFor = 30 * 24 * time.Hour
