package events

import (
	"maps"
	"slices"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Meter is an engine.EventHandler that counts. Made by [Metrics]; it is safe for
// concurrent use.
type Meter struct {
	mu      sync.Mutex
	counts  Snapshot
	running map[engine.ID]struct{}
}

// Snapshot is what a [Meter] has counted since it was made.
type Snapshot struct {
	// Events counts events by kind.
	Events map[engine.EventKind]int64
	// Ended counts executions by how and why they ended.
	Ended map[Outcome]int64
	// Running is how many run.
	Running int
	// Duration is how long those that ended ran, Queued how long they waited before;
	// those that never ran are in neither.
	Duration, Queued Histogram
	// Output sums up what executions wrote until they ended, as Result.Output has
	// it; LogError and the like apart, it is exact whatever events were missed.
	Output engine.Counts
	// Missed is what the meter did not get: its counts are too low by that.
	Missed engine.Missed
}

// Outcome is how and why an execution ended.
type Outcome struct {
	Status engine.Status
	Cause  engine.Cause
}

// Histogram counts durations.
type Histogram struct {
	// Counts has one count for each of [Buckets], of durations up to it that are
	// above the bucket before, and a last one of those above all.
	Counts []int64
	Sum    time.Duration
}

// Buckets are the upper bounds of a [Histogram], from short to long.
func Buckets() []time.Duration {
	return []time.Duration{
		10 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
		time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
	}
}

// Metrics returns a handler that counts what goes by: [Meter.Snapshot] for a program,
// [Meter.WriteTo] for Prometheus. It never waits and needs no Close. Its memory grows
// with what runs, not with what has ended.
func Metrics() *Meter {
	return &Meter{
		running: make(map[engine.ID]struct{}),
		counts: Snapshot{
			Events: make(map[engine.EventKind]int64), Ended: make(map[Outcome]int64),
			Duration: newHistogram(), Queued: newHistogram(),
		},
	}
}

// HandleEvents counts events.
func (m *Meter) HandleEvents(events []engine.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range events {
		m.countLocked(&events[i])
	}
}

func (m *Meter) countLocked(ev *engine.Event) {
	m.counts.Events[ev.Kind]++
	switch {
	case ev.Kind == engine.ExecutionStarted:
		m.running[ev.ExecutionID] = struct{}{}
	case ev.Kind == engine.EventsMissed:
		m.counts.Missed.Events += ev.Missed.Events
		m.counts.Missed.Executions += ev.Missed.Executions
		if ev.Missed.Executions > 0 {
			delete(m.running, ev.ExecutionID)
		}
	case ev.Kind.Terminal():
		delete(m.running, ev.ExecutionID)
		if ev.Result != nil {
			m.endLocked(ev.Result)
		}
	}
}

func (m *Meter) endLocked(r *engine.Result) {
	m.counts.Ended[Outcome{r.Status, r.Cause}]++
	if !r.StartedAt.IsZero() {
		m.counts.Duration.add(r.Duration)
		m.counts.Queued.add(r.Queued)
	}
	sum, o := &m.counts.Output, r.Output
	sum.StdoutBytes += o.StdoutBytes
	sum.StdoutLines += o.StdoutLines
	sum.StdoutOmittedBytes += o.StdoutOmittedBytes
	sum.StdoutOmittedLines += o.StdoutOmittedLines
	sum.StderrBytes += o.StderrBytes
	sum.StderrLines += o.StderrLines
	sum.StderrOmittedBytes += o.StderrOmittedBytes
	sum.StderrOmittedLines += o.StderrOmittedLines
	sum.Masks += o.Masks
	sum.Truncated = sum.Truncated || o.Truncated
}

// Snapshot returns a copy of the counts. An execution whose ending the engine could
// not hand on (Missed.Executions) stays in Running if it was there: ask
// Engine.Stats where that matters.
func (m *Meter) Snapshot() Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.counts
	s.Running = len(m.running)
	s.Events, s.Ended = maps.Clone(s.Events), maps.Clone(s.Ended)
	s.Duration.Counts, s.Queued.Counts = slices.Clone(s.Duration.Counts), slices.Clone(s.Queued.Counts)
	return s
}

func newHistogram() Histogram { return Histogram{Counts: make([]int64, len(Buckets())+1)} }

func (h *Histogram) add(d time.Duration) {
	at, _ := slices.BinarySearch(Buckets(), d)
	h.Counts[at]++
	h.Sum += d
}
