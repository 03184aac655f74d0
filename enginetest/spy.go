package enginetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

// spy stands between an engine and a runner and writes down where the runner
// breaks its contract.
type spy struct {
	inner engine.Runner

	mu     sync.Mutex
	seen   map[engine.ID]*sighting
	faults []string
}

// sighting is what was seen of one launch.
type sighting struct {
	launch   *engine.Launch
	returned chan struct{} // closed when Start has returned
	control  engine.Control
	started  int
	ended    int
	refused  bool
	ending   engine.Ending
	recorded int64 // bytes in the journal when it ended
	phases   []engine.EventKind
}

func newSpy(inner engine.Runner) *spy {
	return &spy{inner: inner, seen: make(map[engine.ID]*sighting)}
}

func (s *spy) faultLocked(id engine.ID, format string, args ...any) {
	s.faults = append(s.faults, fmt.Sprintf("%s: ", id)+fmt.Sprintf(format, args...))
}

// Start has the runner start a copy of the launch that tells the spy first.
func (s *spy) Start(ctx context.Context, l *engine.Launch) (engine.Control, error) {
	g := &sighting{launch: l, returned: make(chan struct{})}
	s.mu.Lock()
	s.seen[l.ID] = g
	s.mu.Unlock()
	mine := *l
	mine.Started = func() { s.started(g); l.Started() }
	mine.Phase = func(kind engine.EventKind) { s.phase(g, kind); l.Phase(kind) }
	mine.Ended = func(end engine.Ending) { s.ended(g, end); l.Ended(end) }
	control, err := s.inner.Start(ctx, &mine)
	s.mu.Lock()
	defer s.mu.Unlock()
	g.control, g.refused = control, err != nil
	close(g.returned)
	switch {
	case err != nil && g.started+g.ended > 0:
		s.faultLocked(l.ID, "Start returned an error (%v), and yet Started was called %d times and Ended %d times", err, g.started, g.ended)
	case err == nil && control == nil:
		s.faultLocked(l.ID, "Start returned neither an error nor a Control")
	case err == nil && g.started == 0:
		s.faultLocked(l.ID, "Start returned before Started was called")
	}
	return control, err
}

func (s *spy) started(g *sighting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.started++
	if g.started > 1 {
		s.faultLocked(g.launch.ID, "Started was called %d times", g.started)
	}
	if n := recorded(g.launch.Journal); n > 0 {
		s.faultLocked(g.launch.ID, "%d bytes were appended before Started was called", n)
	}
}

func (s *spy) phase(g *sighting, kind engine.EventKind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.phases = append(g.phases, kind)
	if kind != engine.ExecutionStopping && kind != engine.ExecutionKilling {
		s.faultLocked(g.launch.ID, "Phase was told %q, which is none", kind)
	}
	if g.ended > 0 {
		s.faultLocked(g.launch.ID, "Phase was told %q after Ended", kind)
	}
}

func (s *spy) ended(g *sighting, end engine.Ending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.ended++
	g.ending, g.recorded = end, recorded(g.launch.Journal)
	switch {
	case g.ended > 1:
		s.faultLocked(g.launch.ID, "Ended was called %d times", g.ended)
	case g.started == 0:
		s.faultLocked(g.launch.ID, "Ended was called before Started")
	case g.refused:
		s.faultLocked(g.launch.ID, "Ended was called although Start had returned an error")
	}
}

// outlives reports whether executions of the runner outlive the engine, and this program.
func (b *bench) outlives() bool {
	_, ok := b.spy.inner.(engine.Finder)
	return ok
}

func recorded(j *engine.Journal) int64 {
	return j.Totals(engine.Stdout).Bytes + j.Totals(engine.Stderr).Bytes
}

// of is what was seen of an execution.
func (s *spy) of(id engine.ID) sighting {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.seen[id]; g != nil {
		return *g
	}
	return sighting{}
}

// controlOf is the control of an execution that was started: its end may be known
// before Start returns it.
func (s *spy) controlOf(t *testing.T, id engine.ID) engine.Control {
	t.Helper()
	select {
	case <-s.of(id).returned:
	case <-patient(t).Done():
		t.Fatal("Start does not return")
	}
	return s.of(id).control
}

// broken is where the contract was broken so far.
func (s *spy) broken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	faults := s.faults
	for id, g := range s.seen {
		if g.ended > 0 && recorded(g.launch.Journal) != g.recorded {
			faults = append(faults, fmt.Sprintf("%s: bytes were appended after Ended", id))
		}
		if !g.refused && g.control != nil && g.ended == 0 {
			faults = append(faults, fmt.Sprintf("%s: Ended was never called", id))
		}
	}
	return faults
}
