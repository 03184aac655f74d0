package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// Find goes on with an execution that was started before. See engine.Finder. Where its
// supervisor has gone, what is left of it is ended, and it is lost. The Control has the
// method Began() (at time.Time, timeout time.Duration) beside its own.
func (r *Runner) Find(ctx context.Context, l *engine.Launch) (engine.Control, error) {
	f, err := r.state.Find(l.ID.String())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", engine.ErrNotFound, err)
	}
	if err != nil {
		return nil, err
	}
	k := newLink(r, f, l)
	end, err := r.reach(ctx, k)
	switch {
	case err != nil:
		return nil, err
	case end != nil:
		return nil, k.endFound(end)
	}
	if err := l.Journal.Follow(f.RecordPath); err != nil {
		k.lines.close()
		return nil, err
	}
	l.Started()
	r.attend(k)
	return k, nil
}

// endFound tells the engine of an execution that has ended.
func (k *link) endFound(end *engine.Ending) error {
	if err := k.launch.Journal.Follow(k.folder.RecordPath); err != nil {
		return err
	}
	if !end.Started.IsZero() { // it was not withdrawn before
		k.launch.Started()
	}
	k.end(end)
	return nil
}

// reach connects to whoever keeps an execution, or returns how it ended, which it finds
// out where nobody keeps it. One whom it does neither know nor own is waited for: it
// is being mended, or is starting. Errors besides: ErrBusy where somebody is about to start
// it, and may be stopped: nobody waits for that one.
func (r *Runner) reach(ctx context.Context, k *link) (*engine.Ending, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	begun := time.Now()
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		if k.connect() {
			return nil, nil //nolint:nilnil // the link is joined
		}
		end, err := r.ended(k.folder, k.launch)
		if end != nil || err != nil {
			return end, err
		}
		if time.Since(begun) > startsSoon && !hasStarted(k.folder) {
			return nil, fmt.Errorf("%w: whoever starts execution %s takes long, or is stopped", engine.ErrBusy, k.folder.ID())
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, fmt.Errorf("execution %s is alive, and does not answer: %w", k.folder.ID(), context.Cause(ctx))
		}
	}
}

// startsSoon is how long somebody is waited for who is about to start an execution.
const startsSoon = time.Second

// connect takes the connection up with whoever keeps it. One that says nothing, though
// it runs the execution, is stopped or hangs: what is asked of it waits in its socket until
// it goes on. One that does not run it yet is asked again.
func (k *link) connect() bool {
	var d description
	if k.folder.Description(&d) != nil || d.Socket == "" {
		return false
	}
	l, err := dial(d.Socket)
	if err != nil {
		return false
	}
	if l.silent(promptly) {
		if !runs(k.folder) {
			l.close()
			return false
		}
		k.join(l, presumed(&d, k.launch), false)
		return true
	}
	s := greeting(l, k.launch.ID)
	if s == nil {
		l.close()
		return false
	}
	k.join(l, s, true)
	return true
}

// promptly is how soon a supervisor says hello that is not stopped, on a machine with
// much to do.
const promptly = 250 * time.Millisecond

// greeting is what a supervisor says first of what runs; nil where it does not, or is
// that of another execution.
func greeting(l *lines, id engine.ID) *started {
	var first, second message
	if l.hear(&first) != nil || first.Hello == nil || first.Hello.Oldest > version || first.Hello.ID != id || l.hear(&second) != nil {
		return nil
	}
	return second.Started
}

// runs reports whether an execution runs by what is on disk: somebody holds its lock,
// and its record says that it was started.
func runs(f *folder.Folder) bool {
	alive, err := f.Alive()
	return err == nil && alive && hasStarted(f)
}

// hasStarted reports whether the record of an execution says that it was started.
func hasStarted(f *folder.Folder) bool {
	j, err := journal.OpenAt(f.RecordPath)
	if err != nil {
		return false
	}
	defer func() { _ = j.Release() }()
	return engine.RecordStarted(j)
}

// presumed is what can be known of an execution whose supervisor does not say.
func presumed(d *description, l *engine.Launch) *started {
	s := &started{At: d.StartingAt, Timeout: l.Timeout}
	if r := l.Request; r != nil {
		s.Typed, s.Terminal = r.Interactive || r.Terminal != nil, r.Terminal != nil
	}
	return s
}

// ended is how an execution ended; nil where somebody runs it.
func (r *Runner) ended(f *folder.Folder, l *engine.Launch) (*engine.Ending, error) {
	if alive, err := f.Alive(); alive || err != nil {
		return nil, err
	}
	got, err := f.Claim()
	if err != nil {
		return nil, err
	}
	if !got { // it is sealed, or somebody else mends it
		end := new(engine.Ending)
		switch err := f.Ending(end); {
		case err == nil:
			return end, nil
		case errors.Is(err, fs.ErrNotExist):
			_, err := r.state.Find(f.ID()) // where somebody has removed it nobody mends it
			return nil, err                // else we shall see
		default:
			return nil, err
		}
	}
	end, err := r.mend(f, l)
	return end, errors.Join(err, f.Leave())
}

// vanished finds out what became of an execution whose connection has ended without a
// word. It may only have been cut.
func (r *Runner) vanished(ctx context.Context, k *link) {
	for ctx.Err() == nil {
		switch end, err := r.reach(ctx, k); {
		case end != nil:
			k.end(end)
			return
		case err == nil:
			r.attend(k)
			return
		case stays(err):
			k.end(&engine.Ending{Cause: engine.CauseLost, ExitCode: -1, Error: err.Error()})
			return
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
		}
	}
}

// lookAgain is how long somebody waits who could not find out what became of an
// execution.
const lookAgain = 250 * time.Millisecond

// stays reports whether an error says something about the execution. What the system is
// out of comes back, and who does not answer may do so yet.
func stays(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, engine.ErrNotFound) ||
		errors.Is(err, folder.ErrDamaged) || errors.Is(err, folder.ErrVersion)
}
