package journal

import (
	"sort"
	"time"
)

const (
	// mergeWindow is how close in time two reads of one stream must be to become
	// one run, as long as the index is not at its bound.
	mergeWindow = 2 * time.Millisecond

	firstEntries = 4
	// smallIndex is how many entries a journal may have that no budget is asked
	// for, and with which it is packed when it is closed.
	smallIndex = 256

	entryBytes = 24
)

// content is what a journal holds: the index of the record, and the bytes.
type content struct {
	entries []entry
	first   [firstEntries]entry // room for the entries of a short command
	logs    [streams]*byteLog   // nil until the stream has bytes
	window  time.Duration       // mergeWindow, or more once the index was at its bound
	closed  bool

	wake     chan struct{} // closed at the next append; nil while nobody waits
	notify   func()        // called when something stands behind notifyAt
	notifyAt int64
}

// entry is one run of output or one note in the index. What a bound let go is
// not marked here: it follows from what the stream's byte log still holds.
type entry struct {
	end   int64  // cursor behind the entry
	nanos int64  // time of the first byte
	what  uint64 // runs: offset in the stream << 1 | stream; notes: noteBit | detail << 8 | code
}

const (
	noteBit = 1 << 63
	// maxDetail leaves room for what packs a note: see entry.packedKind.
	maxDetail = 1<<54 - 1
)

func (e *entry) note() bool        { return e.what&noteBit != 0 }
func (e *entry) code() uint8       { return uint8(e.what) }
func (e *entry) detail() uint64    { return e.what &^ noteBit >> 8 }
func (e *entry) stream() Stream    { return Stream(e.what & 1) }
func (e *entry) off() int64        { return int64(e.what >> 1) }
func (e *entry) run(s Stream) bool { return !e.note() && e.stream() == s }

func (c *content) end() int64 { return c.start(len(c.entries)) }

// start is the cursor before entry i.
func (c *content) start(i int) int64 {
	if i == 0 {
		return 0
	}
	return c.entries[i-1].end
}

// find returns the entry that a cursor is in, or before.
func (c *content) find(at int64) int {
	return sort.Search(len(c.entries), func(i int) bool { return c.entries[i].end > at })
}

// offset returns how many bytes of a stream stand before a cursor.
func (c *content) offset(s Stream, at int64) int64 {
	i := c.find(at)
	if i < len(c.entries) && c.entries[i].run(s) {
		return c.entries[i].off() + at - c.start(i)
	}
	for i--; i >= 0; i-- {
		if e := &c.entries[i]; e.run(s) {
			return e.off() + e.end - c.start(i)
		}
	}
	return 0
}

func (c *content) append(s Stream, p []byte, o *Options) {
	if c.logs[s] == nil {
		c.logs[s] = newByteLog(o)
	}
	off := c.logs[s].total
	c.logs[s].append(p, o.Budget)
	now := time.Now().UnixNano()
	if n := len(c.entries); n > 0 {
		// A clock that was set back makes a difference below zero, and a new run.
		last := &c.entries[n-1]
		if last.run(s) && uint64(now-last.nanos) < uint64(c.window) {
			last.end += int64(len(p))
			return
		}
	}
	c.add(entry{end: c.end() + int64(len(p)), nanos: now, what: uint64(off)<<1 | uint64(s)}, o)
}

func (c *content) note(code uint8, width int64, o *Options) {
	c.add(entry{end: c.end() + width, nanos: time.Now().UnixNano(), what: noteBit | uint64(code)}, o)
}

func (c *content) noteDetail(code uint8, detail uint64, o *Options) {
	c.add(entry{end: c.end() + 1, nanos: time.Now().UnixNano(), what: noteBit | detail&maxDetail<<8 | uint64(code)}, o)
}

func (c *content) add(e entry, o *Options) {
	if len(c.entries) == cap(c.entries) {
		c.makeRoom(o)
	}
	c.entries = append(c.entries, e)
}

// wakeAll wakes the readers that wait, and returns whom else to call.
func (c *content) wakeAll() (notify func()) {
	if c.wake != nil {
		close(c.wake)
		c.wake = nil
	}
	if c.notify != nil && (c.closed || c.end() > c.notifyAt) {
		notify, c.notify = c.notify, nil
	}
	return notify
}

// held is the memory that the budget counts for this content.
func (c *content) held() int64 {
	n := indexBytes(cap(c.entries))
	for _, l := range c.logs {
		if l != nil {
			n += l.held()
		}
	}
	return n
}
