package journal

import (
	"bufio"
	"errors"
	"os"
)

// rewrite writes the index anew, from what there is in memory, and puts it in the
// place of the old one: whoever reads that sees that it is another file. A writer
// alone changes the content, and is who calls.
func (d *disk) rewrite(c *content) error {
	path := d.files.index()
	file, err := os.OpenFile(path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := &indexWriter{content: c, out: bufio.NewWriterSize(file, maxSegment)}
	h := header{span: d.files.span}
	for s := range h.streams {
		l := newByteLog(d.options)
		if c.logs[s] != nil {
			l = c.logs[s]
		}
		h.streams[s].head, h.streams[s].tail, h.streams[s].hole = l.head, l.tail, l.hole
	}
	_, err = w.out.Write(h.encode())
	w.err = err
	for i := range c.entries {
		w.entry(i)
	}
	err = errors.Join(w.err, w.out.Flush())
	if err == nil && d.synced { // else the name may be on the device before what is in it
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return errors.Join(err, file.Close(), ignoreMissing(os.Remove(path+".new")))
	}
	if d.index != nil {
		err = d.index.Close()
	}
	d.index, d.slots, d.lastAt = file, w.slots, -1
	return err
}

// indexWriter writes the slots of entries.
type indexWriter struct {
	content *content
	out     *bufio.Writer
	slots   int64
	at      int64 // cursor
	totals  [streams]int64
	err     error
}

func (w *indexWriter) put(s *slot, width int64) {
	s.start, s.end = w.at, w.at+width
	w.at = s.end
	var p [slotBytes]byte
	s.encode(p[:])
	if w.err == nil {
		_, w.err = w.out.Write(p[:])
	}
	w.slots++
}

func (w *indexWriter) entry(i int) {
	e := &w.content.entries[i]
	width := e.end - w.content.start(i)
	if e.note() {
		s := slot{nanos: e.nanos, what: e.what, other: w.totals[Stdout], lines: w.totals[Stderr]}
		if w.content.closed && i == len(w.content.entries)-1 {
			s.what |= closingBit
		}
		w.put(&s, width)
		return
	}
	for off, end := e.off(), e.off()+width; off < end; {
		off += w.run(e, off, end-off)
	}
}

// run writes the part of a run that is in one segment, whether a bound keeps it or
// not, or that is gone.
func (w *indexWriter) run(e *entry, off, width int64) int64 {
	s, l := e.stream(), w.content.logs[e.stream()]
	out := slot{nanos: e.nanos, what: uint64(off)<<1 | uint64(s), other: w.totals[1-s]}
	i := l.find(off)
	switch {
	case e.lost() || i == len(l.segments):
		out.what |= lostBit
	case l.segments[i].off > off:
		out.what |= lostBit
		width = min(width, l.segments[i].off-off)
	default:
		seg := &l.segments[i]
		width = min(width, seg.end()-off)
		end := off + width - seg.off
		out.inSegment, out.newlines, out.sum = uint32(end), uint32(seg.newlines), seg.sum
		out.lines = (seg.lines + seg.newlines) << 1
		if end != seg.summed {
			out.what |= unsummed
		}
	}
	if w.totals[s] = off + width; w.totals[s] == l.total && l.open {
		out.lines |= 1
	}
	if w.totals[s] == l.total {
		out.lines |= l.lines << 1
	}
	w.put(&out, width)
	return width
}
