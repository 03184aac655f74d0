package journal

import (
	"bytes"
	"math"
	"slices"
	"sort"
)

const (
	firstSegment = 256
	maxSegment   = 64 << 10
)

// byteLog holds the bytes of one stream: the first ones and, once there are
// more than the bound, the last ones. The bytes in between are the gap.
type byteLog struct {
	segments []segment // in the order of the stream
	total    int64     // bytes ever appended
	lines    int64     // newlines ever appended
	open     bool      // the last byte was not a newline

	head int64 // how many bytes are kept from the start
	tail int64 // how many are kept from the end; head+tail is the bound
	hole int64 // where the kept tail begins: head..hole is gone, if hole is behind head

	files     *files // nil in memory
	stream    Stream
	lostLines int64  // newlines that were lost, as far as that is known
	loaded    []byte // the segment that was read last, in a copy of the log
	loadedAt  int64

	spare []byte // a segment that was let go and that nobody has
}

// segment is a piece of the stream. Bytes below len(data) never change; more
// may be appended up to its capacity.
type segment struct {
	off   int64 // offset of data[0] in the stream
	lines int64 // newlines of the stream before data[0]
	data  []byte

	// On disk, once data is not in memory any more: how many bytes there are, and of
	// how many of them there is a checksum.
	away, summed int64
	newlines     int64 // in those that are summed
	sum          uint32

	kept  bool  // a reader has bytes of it for good
	loans int32 // readers who have bytes of it for now
}

func (s *segment) end() int64 { return s.off + int64(len(s.data)) + s.away }

func newByteLog(o *Options) *byteLog {
	switch keep := o.KeepBytes; {
	case keep <= 0:
		return &byteLog{head: math.MaxInt64}
	case o.Cut == HeadOnly:
		return &byteLog{head: keep}
	default:
		return &byteLog{head: keep - keep/2, tail: keep / 2}
	}
}

func newlines(p []byte) int64 { return int64(bytes.Count(p, []byte{'\n'})) }

func (l *byteLog) append(p []byte, b *Budget) {
	l.open = p[len(p)-1] != '\n'
	for len(p) > 0 {
		var n int
		switch left := l.head - l.total; {
		case left > 0:
			n = l.store(p[:min(int64(len(p)), left)], b)
		case int64(len(p)) > l.tail: // more than a tail: its beginning is not kept, whatever follows
			n = len(p) - int(l.tail)
		default:
			n = l.store(p, b)
		}
		l.total += int64(n)
		l.lines += newlines(p[:n])
		p = p[n:]
	}
	if l.total-l.head > l.tail { // not head+tail < total: the sum may be as large as an int64 can be
		l.lose(l.head, l.total-l.tail, b)
	}
}

// store keeps the beginning of p and returns how much.
func (l *byteLog) store(p []byte, b *Budget) int {
	s := l.last()
	if s == nil {
		size := l.segmentSize(len(p))
		if !b.reserve(int64(size)) {
			l.shrink(b)
		}
		l.putAway(1)
		l.segments = append(l.segments, segment{off: l.total, lines: l.lines, data: l.memory(size)})
		s = &l.segments[len(l.segments)-1]
	}
	n := min(len(p), cap(s.data)-len(s.data))
	s.data = append(s.data, p[:n]...)
	return n
}

// putAway lets the memory of segments go that are on disk, but for so many of the
// last, which those who follow want.
func (l *byteLog) putAway(but int) {
	for i := len(l.segments) - but - 1; l.files != nil && i >= 0 && l.segments[i].data != nil; i-- {
		s := &l.segments[i]
		l.reuse(s)
		s.away, s.data = int64(len(s.data)), nil
	}
}

// room is how many of so many bytes go into the segment that is next.
func (l *byteLog) room(want int) int {
	room := l.segmentSize(want)
	if s := l.last(); s != nil {
		room = cap(s.data) - len(s.data)
	}
	if left := l.head - l.total; left > 0 {
		room = int(min(int64(room), left))
	}
	return min(want, room)
}

// skip counts bytes that are not there.
func (l *byteLog) skip(n int64) {
	l.total += n
	if l.total-l.head > l.tail {
		l.lose(l.head, l.total-l.tail, nil)
	}
}

// memory is room for a segment. What is new has to be cleared, found by the
// collector and taken back by it, which costs eight times what a copy does.
func (l *byteLog) memory(size int) (room []byte) {
	if size == maxSegment && l.spare != nil {
		room, l.spare = l.spare, nil
		return room
	}
	return make([]byte, 0, size)
}

// last is the segment that takes the next bytes; nil where a new one has to.
func (l *byteLog) last() *segment {
	if n := len(l.segments); n > 0 {
		s := &l.segments[n-1]
		if s.end() == l.total && len(s.data) < cap(s.data) {
			return s
		}
	}
	return nil
}

// segmentSize is how large the next segment is. They grow with the stream, so
// that a short one is cheap and a long one has few.
func (l *byteLog) segmentSize(want int) int {
	size := firstSegment
	if n := len(l.segments); n > 0 {
		size = 2 * cap(l.segments[n-1].data)
	}
	size = min(max(size, want), maxSegment)
	if l.files != nil { // no segment is in two files
		return int(min(int64(size), l.files.span-l.total%l.files.span))
	}
	return int(min(int64(size), (l.head+l.tail)/4+1)) // a small bound must not be dwarfed by one segment
}

// shrink gives up a segment, because the engine's memory as a whole is at its
// bound: the oldest behind the head. A head that was still growing ends in the
// middle of what there is, so that the live end, which matters more to those who
// follow, has half of it.
func (l *byteLog) shrink(b *Budget) {
	i := l.afterHead()
	if l.hole <= l.head {
		i = min(i, (len(l.segments)+1)/2)
	}
	if i < len(l.segments) {
		l.lose(l.segments[i].off, l.segments[i].end(), b)
	}
}

// lose lets the bytes between two offsets go, and those between them and the gap
// there was. The bound stays: what the head loses the tail may have.
func (l *byteLog) lose(from, to int64, b *Budget) {
	if from < l.head {
		l.tail += l.head - from
		l.head = from
	}
	l.hole = max(l.hole, to)
	first := l.afterHead()
	behind := first
	for behind < len(l.segments) && l.segments[behind].end() <= l.hole {
		b.release(int64(cap(l.segments[behind].data)))
		l.reuse(&l.segments[behind])
		behind++
	}
	if behind > first {
		l.segments = slices.Delete(l.segments, first, behind)
	}
}

// reuse keeps the memory of a segment that is let go, if no reader has it.
func (l *byteLog) reuse(s *segment) {
	if cap(s.data) == maxSegment && !s.kept && s.loans == 0 {
		l.spare = s.data[:0]
	}
}

// afterHead is the index of the first segment that holds nothing of the head.
func (l *byteLog) afterHead() int {
	return sort.Search(len(l.segments), func(i int) bool { return l.segments[i].off >= l.head })
}

// forget lets all bytes go. What comes later is a tail.
func (l *byteLog) forget(b *Budget) {
	if l.total > 0 {
		l.lose(0, l.total, b)
	}
	l.spare = nil
}

// held is how much memory the segments take.
func (l *byteLog) held() int64 {
	n := int64(0)
	for i := range l.segments {
		n += int64(cap(l.segments[i].data))
	}
	return n
}

// fit gives back the room that the last segment will not need.
func (l *byteLog) fit(b *Budget) {
	l.spare = nil
	if len(l.segments) == 0 {
		return
	}
	l.segments = slices.Clip(l.segments)
	last := &l.segments[len(l.segments)-1]
	if spare := cap(last.data) - len(last.data); spare > len(last.data)/4 {
		last.data = append(make([]byte, 0, len(last.data)), last.data...)
		b.release(int64(spare))
	}
}
