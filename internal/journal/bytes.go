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
// start of the gap, and the number of newlines before them. There are none where
// they are on disk and damaged.
func (l *byteLog) at(off int64) (data []byte, lines int64) {
	at := l.find(off)
	if at == len(l.segments) {
		return nil, l.lines
	}
	s := &l.segments[at]
	data = l.bytes(s)
	i, end := off-s.off, int64(len(data))
	if i < 0 || i >= end {
		return nil, s.lines
	}
	if from, _ := l.gap(); off < from {
		end = min(end, from-s.off)
	}
	return data[i:end:end], s.lines + newlines(data[:i])
}

// bytes are those of a segment; fewer, or none, where they are on disk and damaged.
func (l *byteLog) bytes(s *segment) []byte {
	if s.data != nil || l.files == nil {
		return s.data
	}
	if l.loaded == nil || l.loadedAt != s.off {
		l.loaded, l.loadedAt = l.files.load(&away{l.stream, s.off, s.lines, s.summed, s.sum}, nil), s.off
	}
	return l.loaded
}

// copy returns a copy of the kept bytes between two offsets on one side of the gap.
func (l *byteLog) copy(from, to int64) []byte {
	all := make([]byte, 0, to-from)
	for from < to {
		data, _ := l.at(from)
		data = data[:min(int64(len(data)), to-from)]
		all = append(all, data...)
		from = max(from+int64(len(data)), l.behind(from, len(data)))
	}
	return all
}

// behind is where to go on behind an offset at which so many bytes are: none is
// damage, and the next segment may be whole.
func (l *byteLog) behind(off int64, bytes int) int64 {
	if bytes > 0 {
		return off
	}
	at := l.find(off)
	switch {
	case at == len(l.segments):
		return l.total
	case l.segments[at].off > off:
		return l.segments[at].off
	default:
		return l.segments[at].end()
	}
}

// linesBefore counts the newlines before off. Inside the gap only its start is
// known, and that is what it returns.
func (l *byteLog) linesBefore(off int64) int64 {
	from, to := l.gap()
	if off >= from && off < to {
		if i := l.afterHead() - 1; i >= 0 {
			s := &l.segments[i]
			data := l.bytes(s)
			return s.lines + newlines(data[:min(from-s.off, int64(len(data)))])
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
		at := l.find(pos - 1)
		if at == len(l.segments) || l.segments[at].off >= pos {
			start = pos // behind something that is damaged
			break
		}
		s := &l.segments[at]
		low := max(s.off, start)
		if s.lines < lines { // else it has no newline before off
			data := l.bytes(s)
			if int64(len(data)) < pos-s.off {
				start = pos
				break
			}
			if i := bytes.LastIndexByte(data[low-s.off:pos-s.off], '\n'); i >= 0 {
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
