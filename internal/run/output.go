package run

import (
	"sync/atomic"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// masked is the stream with what masks its bytes on the way to the record, which
// it gets with its first byte: many processes write nothing.
func (r *Run) masked(n int) *stream {
	s := &r.streams[n-1]
	if s.masker == nil && r.terms.Secrets != nil {
		s.masker = r.terms.Secrets.Stream()
		s.record = func(p []byte) { r.record(journal.Stream(n-1), p) }
	}
	return s
}

// Output is called by whoever reads the pipe, never twice at once for one
// stream.
func (r *Run) Output(n int, p []byte) {
	if r.over.Load() {
		return
	}
	if r.terms.IdleTimeout > 0 {
		r.wrote.Store(int64(time.Since(r.started)))
	}
	s := r.masked(n)
	if s.masker != nil {
		s.masker.Write(p, s.record)
		return
	}
	r.record(journal.Stream(n-1), p)
}

// record puts bytes that are safe to keep into the journal, the tee and the log.
func (r *Run) record(s journal.Stream, p []byte) {
	r.terms.Journal.Append(s, p)
	if r.digests != nil {
		_, _ = r.digests[s].Write(p) // it never fails
	}
	if r.terms.Tee != nil {
		r.streams[s].tee.start()
		r.terms.Tee(s, p)
		r.streams[s].tee.stop()
	}
	if r.over.Load() {
		return // the tee came back too late
	}
	if r.log != nil {
		r.log.write(p)
	}
	q := &r.streams[s]
	q.bytes += int64(len(p))
	if r.terms.MaxOutputBytes > 0 && q.bytes > r.terms.MaxOutputBytes {
		r.Stop(TooMuch, nil)
	}
}

// inTee is how long a tee has been running, in the stream where that is longer.
func (r *Run) inTee() time.Duration {
	return max(r.streams[0].tee.elapsed(), r.streams[1].tee.elapsed())
}

// stopwatch adds up the times between start and stop, which one goroutine at a
// time calls. Any may read it, also while it runs.
type stopwatch struct {
	total atomic.Int64
	since atomic.Int64 // in nanoseconds since 1970; 0 while it stands
}

func (w *stopwatch) start() { w.since.Store(time.Now().UnixNano()) }

func (w *stopwatch) stop() {
	w.total.Add(time.Now().UnixNano() - w.since.Swap(0))
}

func (w *stopwatch) elapsed() time.Duration {
	total, since := w.total.Load(), w.since.Load()
	if since != 0 {
		total += time.Now().UnixNano() - since
	}
	return time.Duration(total)
}

func (c *copied) write(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		_, c.err = c.to.Write(p)
	}
}

// fault is why the copy is not whole.
func (c *copied) fault() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
