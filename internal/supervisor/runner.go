package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// Options say how a Runner, or a Recorder, runs executions.
type Options struct {
	// Dir is the state directory, which must be there.
	Dir string
	// Slots is how many executions may run in the directory at once, of all programs. 0:
	// as many as like.
	Slots int
	// Containment is how trees are held together.
	Containment engine.Containment
	// Warm is how many supervisors of a Runner wait, ready, for their execution: each takes
	// the memory of one that runs, and spares a command the start of a process. 0: none.
	Warm int
	// Relaxed has nothing wait for the device: what is on disk outlives every program, and
	// may be gone after a crash of the machine. Supervisors do as the Runner that starts
	// their execution.
	Relaxed bool
	// About returns what is kept of an execution in its folder, as JSON, for whoever
	// finds it without a history. It must have no secrets in it. Nil: nothing.
	About func(l *engine.Launch) (json.RawMessage, error)
}

// Runner is an engine.Finder whose executions run under a supervisor each. It is safe for
// concurrent use; make it with [New].
type Runner struct {
	options Options
	state   *folder.State
	group   *lifecycle.Group
	search  process.Searcher
	warm    chan *spare
	starts  chan struct{} // a token for each Start
}

var _ engine.Finder = (*Runner)(nil)

// ErrNoHook is the error of New in a program that did not call Main: it would start itself
// as whatever it is.
var ErrNoHook = errors.New("the program does not call durable.Main at the top of main")

// New returns a runner for a state directory. Errors: ErrNoHook, ErrUnsupported where no
// process can outlive this one, the system's.
func New(o Options) (*Runner, error) {
	switch {
	case !process.Detaches:
		return nil, fmt.Errorf("%w: nothing outlives this program on this system", engine.ErrUnsupported)
	case !hooked.Load():
		return nil, ErrNoHook
	}
	state, err := o.open()
	if err != nil {
		return nil, err
	}
	r := &Runner{
		options: o, state: state, group: lifecycle.New(),
		warm: make(chan *spare, max(o.Warm, 0)), starts: make(chan struct{}, 2*runtime.GOMAXPROCS(0)),
	}
	sweepDoors()
	for range cap(r.warm) {
		r.warmUp()
	}
	return r, nil
}

// open opens the state directory, by a path that is the same in every process.
func (o *Options) open() (_ *folder.State, err error) {
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, err
	}
	state, err := folder.Open(o.Dir)
	if err == nil && o.Relaxed {
		state.Relax()
	}
	return state, err
}

// Close lets go of all executions, which go on. Ended is not called any more. Call it when
// nothing is started any more.
func (r *Runner) Close() error {
	r.group.Stop(engine.ErrClosed)
	r.group.Wait()
	for len(r.warm) > 0 {
		if l := r.spare(); l != nil {
			l.close() // and so it ends
		}
	}
	return nil
}

// claim makes the folder of an execution, with its lock, and takes a slot.
func (o *Options) claim(s *folder.State, id engine.ID) (f *folder.Folder, slot *os.File, err error) {
	if o.Slots > 0 {
		if slot, err = s.Slot(o.Slots); errors.Is(err, folder.ErrNoSlot) {
			return nil, nil, fmt.Errorf("%w: %w", engine.ErrBusy, err)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if f, err = s.Create(id.String()); errors.Is(err, fs.ErrExist) {
		f, err = takeLeft(s, id.String())
	}
	if err != nil {
		giveBack(slot)
		return nil, nil, err
	}
	return f, slot, nil
}

// giveBack gives a slot back, if there is one.
func giveBack(slot *os.File) {
	if slot != nil {
		_ = slot.Close()
	}
}

// about is what is kept of an execution.
func (o *Options) about(l *engine.Launch) (json.RawMessage, error) {
	if o.About == nil {
		return nil, nil
	}
	return o.About(l)
}

// Start starts an execution under a supervisor. See engine.Runner. Errors besides:
// ErrInvalid for a request with StdinFrom or Tee, which cannot be passed on.
func (r *Runner) Start(ctx context.Context, l *engine.Launch) (engine.Control, error) {
	if l.Request.StdinFrom != nil || l.Request.Tee != nil {
		return nil, fmt.Errorf("%w: stdin_from and tee are of this program, and the execution is to outlive it", engine.ErrInvalid)
	}
	about, err := r.options.about(l)
	if err != nil {
		return nil, err
	}
	// More at once are no sooner done, and each takes a thread of ours for the disk.
	r.starts <- struct{}{}
	defer func() { <-r.starts }()
	f, slot, err := r.options.claim(r.state, l.ID)
	if err != nil {
		return nil, busy(err)
	}
	defer giveBack(slot) // the supervisor has it
	k := newLink(r, f, l)
	switch err := r.launch(ctx, k, slot, about); {
	case err != nil && mayRun(err, f):
		l.Started()
		r.lose(k)
		return k, nil
	case err != nil:
		return nil, errors.Join(busy(err), l.Journal.TakeBack(), discard(f))
	}
	if err := f.Leave(); err != nil {
		return nil, err
	}
	l.Started()
	r.attend(k)
	r.warmUp()
	return k, nil
}

// discard removes a folder that nothing was started in, where the supervisor did not.
func discard(f *folder.Folder) error { return errors.Join(ignoreMissing(f.Remove()), f.Leave()) }

// attend has goroutines hear the supervisor and follow the record.
func (r *Runner) attend(k *link) {
	if !r.group.Go(k.hear) { // it is closed
		k.lines.close()
	}
	r.group.Go(k.follow)
}
