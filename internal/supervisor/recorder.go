package supervisor

import (
	"context"
	"errors"
	"os"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// Recorder is an engine.Runner whose executions are processes of this program and end with
// it, in folders as those of a [Runner]: others can follow and control them, and what they
// wrote and how they ended stays. Any request will do, with StdinFrom and Tee too. It is
// safe for concurrent use; make it with [NewRecorder].
type Recorder struct {
	options Options
	state   *folder.State
	host    *engine.Host
	group   *lifecycle.Group
}

var _ engine.Runner = (*Recorder)(nil)

// NewRecorder returns a recorder for a state directory. Errors: ErrUnsupported where trees
// cannot be held as asked, the system's.
func NewRecorder(o Options) (*Recorder, error) {
	state, err := o.open()
	if err != nil {
		return nil, err
	}
	host, err := engine.NewHost(o.Containment)
	if err != nil {
		return nil, err
	}
	return &Recorder{options: o, state: state, host: host, group: lifecycle.New()}, nil
}

// Close waits until every execution has ended and is on disk.
func (r *Recorder) Close() error {
	err := r.host.Close()
	r.group.Stop(engine.ErrClosed)
	r.group.Wait()
	return err
}

// Start starts an execution. See engine.Runner.
func (r *Recorder) Start(ctx context.Context, l *engine.Launch) (engine.Control, error) {
	f, slot, err := r.options.claim(r.state, l.ID)
	if err != nil {
		return nil, busy(err)
	}
	d, err := openDoor()
	if err != nil {
		giveBack(slot)
		return nil, errors.Join(busy(err), discard(f))
	}
	k := newKeeper(l.ID, f, l.Journal, d)
	k.masked = l.Masked
	control, err := r.start(ctx, k, l, slot)
	if err != nil {
		d.close()
		giveBack(slot)
		return nil, errors.Join(busy(err), l.Journal.TakeBack(), discard(f))
	}
	return control, nil
}

func (r *Recorder) start(ctx context.Context, k *keeper, l *engine.Launch, slot *os.File) (engine.Control, error) {
	about, err := r.options.about(l)
	if err != nil {
		return nil, err
	}
	if err := l.Journal.MoveTo(k.folder.RecordPath, l.KeepBytes); err != nil {
		return nil, err
	}
	if err := k.describe(l, r.host.Cgroup(), about); err != nil {
		return nil, err
	}
	own, ended := *l, make(chan engine.Ending, 1)
	var at time.Time
	own.Started = func() {
		at = time.Now()
		l.Started()
	}
	own.Phase = func(kind engine.EventKind) {
		l.Phase(kind)
		k.phase(kind)
	}
	own.Ended = func(end engine.Ending) { ended <- end }
	control, err := r.host.Start(ctx, &own)
	if err != nil {
		return nil, err
	}
	k.runs(l, engine.Noting(control, l, at), at)
	tell := l.Ended
	r.group.Go(func(context.Context) { // until the process has ended, whatever becomes of the group
		defer giveBack(slot)
		r.finish(k, <-ended, tell)
	})
	return recorded{control, k}, nil
}

// recorded controls an execution that is described on disk.
type recorded struct {
	engine.Control
	keeper *keeper
}

// AddSecrets has values masked from now on. See engine.Masker.
func (c recorded) AddSecrets(ctx context.Context, values []string) error {
	return c.keeper.mask(ctx, values)
}

// finish keeps the ending, has the engine write the last note, and lets others have the
// folder.
func (r *Recorder) finish(k *keeper, end engine.Ending, tell func(engine.Ending)) {
	if err := k.end(end, patience); err != nil && end.LogError == "" {
		end.LogError = err.Error()
	}
	tell(end)
	engine.EndRecord(k.record)
	_ = k.leave(end) // the lock goes with the file, whatever the error
}
