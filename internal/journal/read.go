package journal

import (
	"context"
	"io"
	"slices"
	"time"
)

// Read fills buf, which must not be empty, with the records from a cursor on and
// returns how many, and the cursor to go on from. Where nothing stands behind the
// cursor yet, it waits. A cursor in the middle of a run or a gap is as good as any.
//
// Errors: io.EOF when the record ends at the cursor, [ErrBeyondEnd] when it
// ended before it, or the context's error.
func (j *Journal) Read(ctx context.Context, from int64, buf []Record) (n int, next int64, err error) {
	return j.read(ctx, from, buf, nil)
}

// Borrow is Read for a reader that is done with what it reads before it reads on:
// Data is what it says until the next Borrow with the same loan, or its Return. The
// writer then uses the memory again, which makes it several times faster.
func (j *Journal) Borrow(ctx context.Context, from int64, buf []Record, loan *Loan) (n int, next int64, err error) {
	loan.journal = j
	return j.read(ctx, from, buf, loan)
}

func (j *Journal) read(ctx context.Context, from int64, buf []Record, loan *Loan) (n int, next int64, err error) {
	for {
		j.turn.Lock()
		j.mu.Lock()
		j.turn.Unlock()
		loan.end()
		c := j.viewLocked()
		end := c.end()
		if from < end {
			n, next = c.read(max(from, 0), buf, loan)
			files := c.files
			j.mu.Unlock()
			if files.fetch(ctx.Done(), buf[:n], loan) != nil {
				return 0, from, context.Cause(ctx)
			}
			return n, next, nil
		}
		if c.closed {
			j.mu.Unlock()
			if from > end {
				return 0, from, ErrBeyondEnd
			}
			return 0, from, io.EOF
		}
		if c.wake == nil {
			c.wake = make(chan struct{})
		}
		wake := c.wake
		j.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return 0, from, context.Cause(ctx)
		}
	}
}

// TryRead is Read without waiting for what is not there: n is 0 where nothing stands behind the cursor
// yet, and ended says that nothing ever will.
func (j *Journal) TryRead(from int64, buf []Record) (n int, next int64, ended bool) {
	j.mu.Lock()
	c := j.viewLocked()
	n, next = c.read(max(from, 0), buf, nil)
	files, ended := c.files, c.closed && next >= c.end()
	j.mu.Unlock()
	if slices.ContainsFunc(buf[:n], func(r Record) bool { return r.away != nil }) {
		stop := make(chan struct{})
		defer time.AfterFunc(tryFor, func() { close(stop) }).Stop()
		_ = files.fetch(stop, buf[:n], nil) // what cannot be read is a gap
	}
	return n, next, ended
}

// tryFor is how long who does not wait waits for a descriptor nevertheless.
const tryFor = 10 * time.Second

// Notify has f called once, when something stands behind the cursor or the record
// has ended: at once where that is so already, else by whoever appends, who holds
// no lock of the journal. f must not wait. A second Notify replaces the first.
func (j *Journal) Notify(from int64, f func()) {
	j.mu.Lock()
	c := j.openLocked()
	now := c == nil || c.end() > from
	if c != nil {
		c.notify, c.notifyAt = f, from
		if now {
			c.notify = nil
		}
	}
	j.mu.Unlock()
	if now {
		f()
	}
}

// Cutter returns a cutter for a reader that goes on from a cursor: it knows the
// lines that began before and had not ended there. The last note ends all lines.
func (j *Journal) Cutter(at int64) (cutter Cutter) {
	j.view(func(c *content) {
		cutter.pos = min(max(at, 0), c.end())
		if c.closed && cutter.pos > c.start(len(c.entries)-1) {
			return
		}
		for s := range c.logs {
			cutter.rest[s] = c.unended(Stream(s), cutter.pos)
		}
	})
	return cutter
}

// unended is the line of a stream that a cursor is in.
func (c *content) unended(s Stream, at int64) rest {
	l := c.logs[s]
	if l == nil {
		return rest{}
	}
	off := c.offset(s, at)
	text := l.unended(off)
	if len(text) == 0 {
		return rest{}
	}
	begin := off - int64(len(text))
	i := c.find(at)
	for i = min(i, len(c.entries)-1); !c.entries[i].of(s) || c.entries[i].off() > begin; {
		i--
	}
	return rest{text: text, line: l.linesBefore(off) + 1, at: time.Unix(0, c.entries[i].nanos)}
}

// read fills buf with the records from a cursor on.
func (c *content) read(from int64, buf []Record, loan *Loan) (n int, next int64) {
	for i := c.find(from); i < len(c.entries) && n < len(buf); i++ {
		e := &c.entries[i]
		if e.note() {
			buf[n] = Record{Kind: Note, Cursor: from, Width: e.end - from, Time: time.Unix(0, e.nanos), Code: e.code(), Detail: e.detail()}
			n++
			from = e.end
			continue
		}
		for start := c.start(i); from < e.end && n < len(buf); {
			if e.lost() {
				r := Record{Kind: Gap, Stream: e.stream(), Cursor: from, Width: e.end - from, Time: time.Unix(0, e.nanos)}
				from, n = e.end, put(buf, n, &r)
				continue
			}
			r := c.logs[e.stream()].record(e, e.off()+from-start, e.end-from, loan)
			r.Cursor = from
			from += r.Width
			n = put(buf, n, &r)
		}
	}
	return n, from
}

// put adds a record. Gaps of a stream that follow each other are one, however many
// runs they were.
func put(buf []Record, n int, r *Record) int {
	if n > 0 && r.Kind == Gap && buf[n-1].Kind == Gap && buf[n-1].Stream == r.Stream {
		buf[n-1].Width += r.Width
		return n
	}
	buf[n] = *r
	return n + 1
}

// record returns the next piece of a run: at most width bytes from off, up to
// the edge of the gap or of a segment.
func (l *byteLog) record(e *entry, off, width int64, loan *Loan) Record {
	r := Record{Kind: Output, Stream: e.stream(), Width: width, Time: time.Unix(0, e.nanos)}
	from, to := l.gap()
	if off >= from && off < to {
		r.Kind, r.Width, r.Line = Gap, min(width, to-off), l.linesBefore(off)
		return r
	}
	i := l.find(off)
	if i == len(l.segments) || l.segments[i].off > off {
		r.Kind = Gap // what says otherwise is damaged
		return r
	}
	s := &l.segments[i]
	if s.data == nil {
		r.Width = min(width, s.end()-off)
		r.away, r.off = &away{l.stream, s.off, s.lines, s.summed, s.sum}, off
		return r
	}
	loan.take(l, s)
	r.Data, r.Line = l.at(off)
	if int64(len(r.Data)) > width {
		r.Data = r.Data[:width:width]
	}
	r.Width = int64(len(r.Data))
	return r
}
