package daemon

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/exposition"
)

// readers are those who follow executions through the doors, and how far each is. The zero
// value is ready. A reader costs an atomic store for each event, and no lock.
type readers struct {
	gaps, gapBytes atomic.Int64

	mu  sync.Mutex
	all map[*reader]struct{}
}

// reader is one of them.
type reader struct {
	id engine.ID
	at atomic.Int64 // cursor
}

func (s *readers) enter(id engine.ID, from engine.Cursor) *reader {
	r := &reader{id: id}
	r.at.Store(int64(from))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[*reader]struct{})
	}
	s.all[r] = struct{}{}
	return r
}

func (s *readers) leave(r *reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, r)
}

// skipped counts what a reader was told is not there any more.
func (s *readers) skipped(bytes int64) {
	if bytes > 0 {
		s.gaps.Add(1)
		s.gapBytes.Add(bytes)
	}
}

// attended is an engine whose readers are counted.
type attended struct {
	*careful

	readers *readers
}

// Watch yields the events of an execution.
func (e *attended) Watch(ctx context.Context, id engine.ID, from engine.Cursor) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		r := e.readers.enter(id, from)
		defer e.readers.leave(r)
		for ev, err := range e.careful.Watch(ctx, id, from) {
			if err == nil {
				r.at.Store(int64(ev.Cursor))
				e.readers.skipped(ev.Gap.Bytes)
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

// Output yields what an execution wrote.
func (e *attended) Output(ctx context.Context, id engine.ID, from engine.Cursor) iter.Seq2[engine.Output, error] {
	return func(yield func(engine.Output, error) bool) {
		r := e.readers.enter(id, from)
		defer e.readers.leave(r)
		for o, err := range e.careful.Output(ctx, id, from) {
			if err == nil {
				r.at.Store(int64(o.Cursor))
				e.readers.skipped(o.Skipped)
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

// expose writes how many there are, and how far they are behind what was recorded.
func (s *readers) expose(ctx context.Context, e served, out *exposition.Families) {
	s.mu.Lock()
	n := len(s.all)
	least, count := make(map[engine.ID]int64, n), make(map[engine.ID]int64, n)
	sum := make(map[engine.ID]int64, n)
	for r := range s.all {
		at := r.at.Load()
		if least[r.id] = min(at, least[r.id]); count[r.id] == 0 {
			least[r.id] = at
		}
		count[r.id]++
		sum[r.id] += at
	}
	s.mu.Unlock()
	most, total := int64(0), int64(0)
	for id := range count {
		x, err := e.Get(ctx, id)
		if err != nil {
			continue // it was forgotten
		}
		most = max(most, int64(x.Cursor)-least[id])
		total += max(int64(x.Cursor)*count[id]-sum[id], 0)
	}
	out.Gauge("cloudops_readers", "Readers that follow an execution.", float64(n))
	out.Gauge("cloudops_readers_lag_bytes", "How far readers are behind what was recorded, together.", float64(total))
	out.Gauge("cloudops_readers_lag_max_bytes", "How far the last of them is.", float64(most))
	out.Counter("cloudops_reader_gaps_total", "Gaps that readers were told of.", float64(s.gaps.Load()))
	out.Counter("cloudops_reader_gap_bytes_total", "Bytes that readers found gone.", float64(s.gapBytes.Load()))
}
