package journal

import (
	"bytes"
	"slices"
	"time"
)

// MaxLineBytes is how much of a line comes in one piece; a longer one comes in
// pieces of this size.
const MaxLineBytes = 1 << 20

// Line is a line of output, or a piece of one. Text is without the newline and
// must not be changed.
type Line struct {
	Stream Stream
	Number int64 // counted from 1 in its stream
	Cursor int64 // where a reader goes on that has seen it; never goes back
	Time   time.Time
	Text   []byte

	// SoFar marks a line that has no end yet: it comes again, whole, when it has.
	SoFar bool
	// Continues marks a piece of a line above MaxLineBytes: the next one with
	// the same number goes on where this one stops.
	Continues bool
	// Unended marks text that no newline ends: the last line of a stream or, with
	// Continues, what stands before a gap. Others may have the same cursor: a
	// reader that goes on from there gets it again.
	Unended bool
}

// Cutter cuts records into lines. It remembers what of each stream is not a
// line yet. The zero value is at the start of a record; [Journal.Cutter] returns
// one that is further on.
type Cutter struct {
	rest [streams]rest
	pos  int64 // behind the last record it was fed

	find func(data []byte) int // where something that is searched for may be; nil: give all
	own  bool                  // what it is fed is borrowed: keep copies
}

// rest is the beginning of a line whose end has not been seen.
type rest struct {
	text   []byte
	shared bool // text is a slice of the journal: copy before it grows
	own    bool // copy at once
	line   int64
	at     time.Time
	shown  int // bytes already given out as SoFar
}

// Cut is fed every record from where the cutter is, notes as well. It gives each
// line that an Output record completes to yield, in order, until yield returns
// false. The result says whether it never did.
func (c *Cutter) Cut(r *Record, yield func(Line) bool) bool {
	whole := r.Kind != Gap || c.flush(r.Stream, true, yield)
	c.pos = r.Cursor + r.Width
	if r.Kind != Output {
		return whole
	}
	h := &c.rest[r.Stream]
	data, cursor, number := r.Data, r.Cursor, r.Line+1
	for len(data) > 0 {
		if n := c.skip(h, data); n > 0 {
			cursor += int64(n)
			number += newlines(data[:n])
			if data = data[n:]; len(data) == 0 {
				break
			}
		}
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			h.own = c.own
			return h.add(r.Stream, data, Line{Number: number, Cursor: cursor, Time: r.Time}, yield)
		}
		cursor += int64(i) + 1
		l := Line{Stream: r.Stream, Number: number, Cursor: cursor, Time: r.Time, Text: data[:i:i]}
		if len(h.text) > 0 {
			h.own = c.own
			if !h.add(r.Stream, data[:i], Line{Number: number, Cursor: cursor - int64(i) - 1, Time: r.Time}, yield) {
				return false
			}
			l.Text, l.Time = h.text, h.at
			*h = rest{}
		}
		if !yield(l) {
			return false
		}
		data = data[i+1:]
		number++
	}
	return true
}

// skip returns how many bytes there are of whole lines that have nothing of what
// is searched for.
func (c *Cutter) skip(h *rest, data []byte) int {
	if c.find == nil || len(h.text) > 0 {
		return 0 // the line that goes on is looked at when it is whole
	}
	if i := c.find(data); i >= 0 {
		data = data[:i]
	}
	return bytes.LastIndexByte(data, '\n') + 1
}

// add takes bytes that do not end a line, and gives out pieces where the line
// outgrows its bound. That is known at the next byte, behind which the piece has
// its cursor: nothing else has the same.
func (h *rest) add(s Stream, data []byte, at Line, yield func(Line) bool) bool {
	for {
		if len(h.text) == 0 {
			h.at, h.line = at.Time, at.Number
		}
		n := min(len(data), MaxLineBytes-len(h.text))
		h.take(data[:n])
		at.Cursor += int64(n)
		data = data[n:]
		if len(data) == 0 {
			return true
		}
		piece := Line{Stream: s, Number: h.line, Cursor: at.Cursor + 1, Time: h.at, Text: h.text, Continues: true}
		*h = rest{}
		if !yield(piece) {
			return false
		}
	}
}

func (h *rest) take(data []byte) {
	switch {
	case len(data) == 0:
	case len(h.text) == 0 && h.own:
		h.text, h.shared = slices.Clone(data), false
	case len(h.text) == 0:
		h.text, h.shared = slices.Clip(data), true
	case h.shared:
		h.text = append(append(make([]byte, 0, 2*(len(h.text)+len(data))), h.text...), data...)
		h.shared = false
	default:
		h.text = append(h.text, data...)
	}
}

// Waiting reports whether some line without an end has not been shown yet.
func (c *Cutter) Waiting() bool {
	for i := range c.rest {
		if len(c.rest[i].text) > c.rest[i].shown {
			return true
		}
	}
	return false
}

// SoFar gives out the lines that have no end yet, each marked SoFar, once for
// each growth: what a prompt or a progress bar shows.
func (c *Cutter) SoFar(yield func(Line) bool) bool {
	for i := range c.rest {
		h := &c.rest[i]
		if len(h.text) <= h.shown {
			continue
		}
		h.shown = len(h.text)
		text := h.text[:h.shown:h.shown]
		if !yield(Line{Stream: Stream(i), Number: h.line, Cursor: c.pos, Time: h.at, Text: text, SoFar: true}) {
			return false
		}
	}
	return true
}

// Flush gives out what is left when the record has ended: before its last note,
// or behind it.
func (c *Cutter) Flush(yield func(Line) bool) bool {
	for i := range c.rest {
		if !c.flush(Stream(i), false, yield) {
			return false
		}
	}
	return true
}

func (c *Cutter) flush(s Stream, gap bool, yield func(Line) bool) bool {
	h := &c.rest[s]
	if len(h.text) == 0 {
		return true
	}
	l := Line{Stream: s, Number: h.line, Cursor: c.pos, Time: h.at, Text: h.text, Unended: true, Continues: gap}
	*h = rest{}
	return yield(l)
}
