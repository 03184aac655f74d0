package journal

import (
	"encoding/binary"
)

// maxPacked is how much output a record may have that is packed.
const maxPacked = 64 << 10

// pack puts a closed record that is small into one piece of memory: most records
// are, and they are kept a thousand times longer than they ran. What a reader
// gets of it is the same. It returns nil for a record that is large.
//
// Packed are, as varints: the end, the entries (how many; of each what it is, its
// width and the time since the one before) and the streams (see packLog); then
// the bytes.
func (c *content) pack(b *Budget) []byte {
	kept := int64(0)
	for _, l := range c.logs {
		kept += l.keptBytes()
	}
	if len(c.entries) > smallIndex || kept > maxPacked {
		return nil
	}
	var room [128]byte // enough for most
	head := binary.AppendVarint(room[:0], c.end())
	head = binary.AppendVarint(head, int64(len(c.entries)))
	var before entry
	for _, e := range c.entries {
		head = binary.AppendVarint(head, e.packedKind())
		head = binary.AppendVarint(head, e.end-before.end)
		head = binary.AppendVarint(head, e.nanos-before.nanos)
		before = e
	}
	for _, l := range c.logs {
		head = packLog(head, l)
	}
	p := append(make([]byte, 0, int64(len(head))+kept), head...)
	for _, l := range c.logs {
		if l != nil {
			from, to := l.gap()
			p = append(append(p, l.copy(0, from)...), l.copy(to, l.total)...)
		}
	}
	b.release(c.held() - kept)
	return p
}

// packedKind is the stream of a run, or the code and detail of a note behind the streams.
func (e *entry) packedKind() int64 {
	if e.note() {
		return streams + int64(e.what&^noteBit)
	}
	return int64(e.stream())
}

// packLog adds what is known of a stream beside its bytes.
func packLog(p []byte, l *byteLog) []byte {
	if l == nil {
		return binary.AppendVarint(p, 0)
	}
	open := int64(0)
	if l.open {
		open = 1
	}
	from, to := l.gap()
	for _, v := range []int64{l.total, l.lines, open, from, to, l.linesBefore(to)} {
		p = binary.AppendVarint(p, v)
	}
	return p
}

// keptBytes is how many bytes are not in the gap.
func (l *byteLog) keptBytes() int64 {
	if l == nil {
		return 0
	}
	from, to := l.gap()
	return from + l.total - to
}

// packedEnd is the end of a packed record.
func packedEnd(p []byte) int64 {
	end, _ := binary.Varint(p)
	return end
}

// unpack is the reverse of pack. The bytes stay where they are.
func unpack(p []byte) *content {
	u := unpacker{rest: p}
	c := &content{closed: true, window: mergeWindow}
	_ = u.next() // the end, which the entries tell as well
	c.entries = make([]entry, u.next())
	var before entry
	var offs [streams]int64
	for i := range c.entries {
		e := entry{what: uint64(u.next())}
		width := u.next()
		e.end, e.nanos = before.end+width, before.nanos+u.next()
		if s := e.what; s < streams {
			e.what |= uint64(offs[s]) << 1
			offs[s] += width
		} else {
			e.what = noteBit | s - streams
		}
		c.entries[i], before = e, e
	}
	var behind [streams]int64 // lines before the tails
	for s := range c.logs {
		c.logs[s], behind[s] = u.log()
	}
	for s, l := range c.logs {
		if l != nil {
			u.bytes(l, behind[s])
		}
	}
	return c
}

// unpacker reads varints.
type unpacker struct{ rest []byte }

func (u *unpacker) next() int64 {
	v, n := binary.Varint(u.rest)
	u.rest = u.rest[n:]
	return v
}

// log is the reverse of packLog.
func (u *unpacker) log() (l *byteLog, behind int64) {
	total := u.next()
	if total == 0 {
		return nil, 0
	}
	l = &byteLog{total: total}
	l.lines, l.open = u.next(), u.next() == 1
	l.head, l.hole = u.next(), u.next()
	return l, u.next()
}

// bytes gives a stream its segments: what is before the gap and what is behind.
func (u *unpacker) bytes(l *byteLog, behind int64) {
	from, to := l.gap()
	l.segments = make([]segment, 0, 2)
	for _, s := range []segment{{data: u.take(from)}, {off: to, lines: behind, data: u.take(l.total - to)}} {
		if len(s.data) > 0 {
			l.segments = append(l.segments, s)
		}
	}
}

func (u *unpacker) take(n int64) []byte {
	p := u.rest[:n:n]
	u.rest = u.rest[n:]
	return p
}
