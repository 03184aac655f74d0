package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Runner is an engine.Runner that plays scripts. The zero value has none, and
// fails to start what it has no script for. It is safe for concurrent use; its
// exported fields must not be changed once it is in use.
type Runner struct {
	// Scripts are chosen by the first argument of the command, as [Command] makes
	// it.
	Scripts Scripts
	// ScriptFunc, if not nil, is asked for what Scripts does not have. Not ok: there
	// is no script.
	ScriptFunc func(l *engine.Launch) (s Script, ok bool)

	plays sync.WaitGroup

	mu      sync.Mutex
	asked   []engine.ID
	started []engine.ID
	refused map[engine.ID]int // how often it said ErrBusy
	running int
	peak    int
}

var _ engine.Runner = (*Runner)(nil)

// errNoScript is the error for a command without a script.
var errNoScript = errors.New("there is no script for the command")

// Start plays the script of a launch. See engine.Runner.
func (r *Runner) Start(ctx context.Context, l *engine.Launch) (engine.Control, error) {
	s, ok := r.scriptOf(l)
	r.mu.Lock()
	r.asked = append(r.asked, l.ID)
	busy := ok && r.refused[l.ID] < s.Busy
	if busy {
		if r.refused == nil {
			r.refused = make(map[engine.ID]int)
		}
		r.refused[l.ID]++
	}
	r.mu.Unlock()
	if s.StartTakes > 0 {
		select {
		case <-time.After(s.StartTakes):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: %q", errNoScript, l.Argv)
	case busy:
		return nil, fmt.Errorf("%w: the script says so", engine.ErrBusy)
	case s.StartErr != nil:
		return nil, s.StartErr
	}
	return r.play(l, s), nil
}

func (r *Runner) scriptOf(l *engine.Launch) (Script, bool) {
	if len(l.Argv) > 1 {
		if s, ok := r.Scripts[l.Argv[1]]; ok {
			return s, true
		}
	}
	if r.ScriptFunc != nil {
		return r.ScriptFunc(l)
	}
	return Script{}, false
}

func (r *Runner) play(l *engine.Launch, s Script) *play {
	p := newPlay(r, l, s)
	r.mu.Lock()
	r.started = append(r.started, l.ID)
	r.running++
	r.peak = max(r.peak, r.running)
	r.mu.Unlock()
	l.Started()
	if s.Instant {
		p.run()
	} else {
		r.plays.Go(p.run)
	}
	return p
}

// left is called when an execution is about to end.
func (r *Runner) left() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running--
}

// Asked returns the executions that Start was called for, in order, those that
// were refused included.
func (r *Runner) Asked() []engine.ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked)
}

// Started returns the executions that were started, in order.
func (r *Runner) Started() []engine.ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.started)
}

// Running returns how many run now.
func (r *Runner) Running() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running
}

// Peak returns how many ran at once at most.
func (r *Runner) Peak() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.peak
}

// Wait waits until every script was played to its end.
func (r *Runner) Wait() { r.plays.Wait() }
