package journal

import (
	"context"
	"errors"
	"io"
	"math"
	"sort"
	"time"
)

// View chooses lines of what a record has now. The zero value chooses all.
type View struct {
	// Without leaves out the lines of a stream.
	Without [streams]bool
	// From leaves out what a reader has seen who goes on from this cursor.
	From int64
	// Last is how many lines there are at most: the last ones; 0: no bound. LastBytes
	// bounds them by the bytes they are in, the first line as a whole.
	Last, LastBytes int64
	// FirstNumber and LastNumber bound the numbers of lines, each in its stream; 0: no
	// bound.
	FirstNumber, LastNumber int64
	// Since and Until bound the time: Since ≤ time < Until. Zero: no bound.
	Since, Until time.Time
	// Find, if not nil, returns where in some text that may be lines something is that
	// a line may be chosen for, -1 for nowhere. It makes searches fast: lines without
	// are not looked at.
	Find func(text []byte) int
	// Choose, if not nil, says whether a line is chosen. It is asked for all that
	// the rest chooses but Last and LastBytes, which are of what there is.
	Choose func(text []byte) bool
}

// viewRecords is how many records a view reads at once: on disk each is up to
// a segment, and together they should stay in the processor.
const viewRecords = 8

// Lines gives the lines of a view to yield, in order, until it returns false. Text
// is what it says only during the call. What has no newline yet is SoFar.
//
// Errors: the context's, and [ErrBeyondEnd] for View.From.
func (j *Journal) Lines(ctx context.Context, v *View, yield func(Line) bool) error {
	reach, err := j.reach(v)
	if err != nil {
		return err
	}
	at, end := reach.from, reach.end
	cutter := j.Cutter(at)
	cutter.own, cutter.find = true, v.Find
	give := func(l Line) bool { return !v.chooses(&l) || yield(l) }
	var loan Loan
	defer loan.Return()
	through := v.Without
	for buf := make([]Record, viewRecords); at < end; {
		n, next, err := j.Borrow(ctx, at, buf, &loan)
		if errors.Is(err, io.EOF) {
			break
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		at = next
		for i := range buf[:n] {
			r := &buf[i]
			if late := !v.Until.IsZero() && !r.Time.Before(v.Until); late || !cutter.feed(r, v, &reach, give) {
				return nil
			}
			through[r.Stream] = through[r.Stream] || v.LastNumber > 0 && r.Kind == Output && r.Line >= v.LastNumber
			if through == [streams]bool{true, true} {
				return nil
			}
		}
	}
	cutter.SoFar(reach.rest(v, give))
	return nil
}

// reach is where a view begins and ends.
type reach struct {
	from, end int64
	closing   int64 // where the last note is; behind the end while there is none
	unended   int64 // lines without a newline there are in it
}

// rest gives lines without a newline: of the last lines those that are.
func (r *reach) rest(v *View, give func(Line) bool) func(Line) bool {
	return func(l Line) bool {
		if v.Without[l.Stream] {
			return true
		}
		if r.unended--; v.Last > 0 && r.unended >= v.Last {
			return true
		}
		return give(l)
	}
}

// feed cuts one record, as far as it is before the end.
func (c *Cutter) feed(r *Record, v *View, reach *reach, give func(Line) bool) bool {
	if r.Kind == Note {
		return (r.Cursor < reach.closing || c.Flush(reach.rest(v, give))) && c.Cut(r, give)
	}
	if v.Without[r.Stream] {
		c.pos = r.Cursor + r.Width
		return true
	}
	if left := reach.end - r.Cursor; r.Kind == Output && left < r.Width {
		if left <= 0 {
			return true
		}
		r.Data, r.Width = r.Data[:left:left], left
	}
	return c.Cut(r, give)
}

// chooses reports whether a view has a line. Where it begins in a line, that line
// is in it.
func (v *View) chooses(l *Line) bool {
	switch {
	case v.Without[l.Stream], l.Cursor < v.From, l.Cursor == v.From && !l.Unended && !l.SoFar:
	case l.Number < v.FirstNumber, v.LastNumber > 0 && l.Number > v.LastNumber:
	case !v.Since.IsZero() && l.Time.Before(v.Since):
	default:
		return v.Choose == nil || v.Choose(l.Text)
	}
	return false
}

// reach returns what has all that a view has.
func (j *Journal) reach(v *View) (r reach, err error) {
	j.view(func(c *content) {
		r.from, r.end, r.closing = max(0, v.From), c.end(), math.MaxInt64
		if c.closed {
			r.closing = c.start(len(c.entries) - 1)
		}
		if r.from > r.end && c.closed {
			err = ErrBeyondEnd
		}
		for s, l := range c.logs {
			if l != nil && l.open && !v.Without[s] {
				r.unended++
			}
		}
		r.from = max(r.from, c.tail(v, &r))
		if v.FirstNumber > 1 {
			r.from = max(r.from, c.where(func(at int64) bool { return c.reaches(v, at) }))
		}
		if !v.Since.IsZero() {
			since := v.Since.UnixNano()
			r.from = max(r.from, c.start(sort.Search(len(c.entries), func(i int) bool { return c.entries[i].nanos >= since })))
		}
		if v.From <= r.closing {
			r.from = min(r.from, r.closing)
		}
	})
	return r, err
}

// tail returns where the last lines or bytes of a view begin.
func (c *content) tail(v *View, r *reach) (from int64) {
	if v.Last > 0 {
		all := c.lines(v, r.end) + r.unended
		from = c.where(func(at int64) bool { return all-c.lines(v, at) <= v.Last })
	}
	if v.LastBytes > 0 {
		all := c.bytes(v, r.end)
		from = max(from, c.where(func(at int64) bool { return all-c.bytes(v, at) <= v.LastBytes }))
	}
	return from
}

// where returns the first cursor for which something holds, which holds of
// all behind it as well: first among the edges of entries, then in one.
func (c *content) where(holds func(at int64) bool) int64 {
	i := sort.Search(len(c.entries), func(i int) bool { return holds(c.start(i)) })
	if i == 0 {
		return 0
	}
	low, high := c.start(i-1), c.start(i)
	return low + int64(sort.Search(int(high-low), func(n int) bool { return holds(low + int64(n)) }))
}

// lines counts the newlines before a cursor.
func (c *content) lines(v *View, at int64) (n int64) {
	for s, l := range c.logs {
		if l != nil && !v.Without[s] {
			n += l.linesBefore(c.offset(Stream(s), at))
		}
	}
	return n
}

// bytes counts the bytes before a cursor.
func (c *content) bytes(v *View, at int64) (n int64) {
	for s := range c.logs {
		if !v.Without[s] {
			n += c.offset(Stream(s), at)
		}
	}
	return n
}

// reaches reports whether some stream has come to the first line of a view.
func (c *content) reaches(v *View, at int64) bool {
	for s, l := range c.logs {
		if l != nil && !v.Without[s] && l.linesBefore(c.offset(Stream(s), at))+1 >= v.FirstNumber {
			return true
		}
	}
	return at >= c.end()
}
