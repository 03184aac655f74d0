package journal

import (
	"bytes"
	"sort"
)

// gap returns the offsets between which bytes are gone; both are total where
// none are.
func (l *byteLog) gap() (from, to int64) {
	if l.hole > l.head {
		return l.head, l.hole
	}
	return l.total, l.total
}

// lost reports whether width bytes from an offset on are gone, all of them.
func (l *byteLog) lost(off, width int64) bool {
	from, to := l.gap()
	return off >= from && off+width <= to
}

// find returns the index of the segment with the byte at an offset.
func (l *byteLog) find(off int64) int {
	return sort.Search(len(l.segments), func(i int) bool { return l.segments[i].end() > off })
}

// at returns the kept bytes from off on, up to the end of a segment or the
// start of the gap, and the number of newlines before them.
func (l *byteLog) at(off int64) (data []byte, lines int64) {
	s := &l.segments[l.find(off)]
	i, end := off-s.off, int64(len(s.data))
	if from, _ := l.gap(); off < from {
		end = min(end, from-s.off)
	}
	return s.data[i:end:end], s.lines + newlines(s.data[:i])
}

// copy returns a copy of the kept bytes between two offsets on one side of the gap.
func (l *byteLog) copy(from, to int64) []byte {
	all := make([]byte, 0, to-from)
	for from < to {
		data, _ := l.at(from)
		data = data[:min(int64(len(data)), to-from)]
		all = append(all, data...)
		from += int64(len(data))
	}
	return all
}

// linesBefore counts the newlines before off. Inside the gap only its start is
// known, and that is what it returns.
func (l *byteLog) linesBefore(off int64) int64 {
	from, to := l.gap()
	if off >= from && off < to {
		if i := l.afterHead() - 1; i >= 0 {
			s := &l.segments[i]
			return s.lines + newlines(s.data[:from-s.off])
		}
		return 0
	}
	if off >= l.total {
		return l.lines
	}
	_, lines := l.at(off)
	return lines
}

// unended returns what stands before an offset of the line that it is in: all of
// it, or what is behind the gap or the last piece of MaxLineBytes.
func (l *byteLog) unended(off int64) []byte {
	from, to := l.gap()
	start, lines := int64(0), l.linesBefore(off)
	switch {
	case off > to:
		start = to
	case off > from:
		return nil
	}
	for pos := off; pos > start; {
		s := &l.segments[l.find(pos-1)]
		low := max(s.off, start)
		if s.lines < lines { // else it has no newline before off
			if i := bytes.LastIndexByte(s.data[low-s.off:pos-s.off], '\n'); i >= 0 {
				start = low + int64(i) + 1
			}
		}
		pos = low
	}
	if start < off {
		start += (off - start - 1) / MaxLineBytes * MaxLineBytes
	}
	return l.copy(start, off)
}

func (l *byteLog) totals() Totals {
	from, to := l.gap()
	t := Totals{Bytes: l.total, Lines: l.lines, Omitted: to - from}
	if l.open {
		t.Lines++
	}
	if to > from {
		t.OmittedLines = l.linesBefore(to) - l.linesBefore(from)
	}
	return t
}

func (l *byteLog) kept() (head, tail []byte) {
	from, to := l.gap()
	head = l.copy(0, from)
	if to > from {
		tail = l.copy(to, l.total)
	}
	return head, tail
}
