package journal

import (
	"slices"
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
	files   *files              // nil in memory
	letGone int                 // how often the middle went for want of entries
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
	// maxDetail leaves room for what packs a note (see entry.packedKind) and for the flags
	// of a slot on disk.
	maxDetail = 1<<52 - 1
	lostBit   = 1 << 62 // a run whose bytes are not there, although no bound let them go
)

func (e *entry) note() bool        { return e.what&noteBit != 0 }
func (e *entry) code() uint8       { return uint8(e.what) }
func (e *entry) detail() uint64    { return e.what &^ noteBit >> 8 }
func (e *entry) stream() Stream    { return Stream(e.what & 1) }
func (e *entry) off() int64        { return int64(e.what &^ (noteBit | lostBit) >> 1) }
func (e *entry) lost() bool        { return !e.note() && e.what&lostBit != 0 }
func (e *entry) of(s Stream) bool  { return !e.note() && e.stream() == s }
func (e *entry) run(s Stream) bool { return e.of(s) && !e.lost() }

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
	if i < len(c.entries) && c.entries[i].of(s) {
		return c.entries[i].off() + at - c.start(i)
	}
	for i--; i >= 0; i-- {
		if e := &c.entries[i]; e.of(s) {
			return e.off() + e.end - c.start(i)
		}
	}
	return 0
}

func (c *content) append(s Stream, p []byte, now int64, o *Options) {
	l := c.log(s, o)
	off := l.total
	l.append(p, o.Budget)
	c.run(s, off, int64(len(p)), now, o)
}

// lose adds bytes that could not be kept: they count, and are a gap.
func (c *content) lose(s Stream, p []byte, now int64, o *Options) {
	l := c.log(s, o)
	off := l.total
	l.skip(int64(len(p)))
	l.lines += newlines(p)
	l.lostLines += newlines(p)
	l.open = p[len(p)-1] != '\n'
	c.lost(s, off, int64(len(p)), now, o)
}

// lost adds an entry for bytes that are not there, or makes the last one wider.
func (c *content) lost(s Stream, off, width, now int64, o *Options) {
	if n := len(c.entries); n > 0 && c.entries[n-1].of(s) && c.entries[n-1].lost() {
		c.entries[n-1].end += width
		return
	}
	c.add(entry{end: c.end() + width, nanos: now, what: lostBit | uint64(off)<<1 | uint64(s)}, o)
}

// bytesOf is how many bytes of a stream there were.
func (c *content) bytesOf(s Stream) int64 {
	if c.logs[s] == nil {
		return 0
	}
	return c.logs[s].total
}

// log is the log of a stream, made when it is needed.
func (c *content) log(s Stream, o *Options) *byteLog {
	if c.logs[s] == nil {
		c.logs[s] = newByteLog(o)
		c.logs[s].files, c.logs[s].stream = c.files, s
	}
	return c.logs[s]
}

// run adds bytes to the last run of the index or begins one.
func (c *content) run(s Stream, off, width, now int64, o *Options) {
	if n := len(c.entries); n > 0 {
		// A clock that was set back makes a difference below zero, and a new run.
		last := &c.entries[n-1]
		if last.run(s) && c.joins(last, now) {
			last.end += width
			return
		}
	}
	c.add(entry{end: c.end() + width, nanos: now, what: uint64(off)<<1 | uint64(s)}, o)
}

// joins reports whether a time is close enough to that of a run to be in it.
func (c *content) joins(last *entry, now int64) bool {
	return uint64(now-last.nanos) < uint64(c.window)
}

// note adds a note at a time.
func (c *content) note(code uint8, detail uint64, width, now int64, o *Options) {
	c.add(entry{end: c.end() + width, nanos: now, what: noteBit | detail&maxDetail<<8 | uint64(code)}, o)
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

// clone copies all but the bytes.
func (c *content) clone() *content {
	d := *c
	d.entries = slices.Clone(c.entries)
	for s, l := range c.logs {
		if l != nil {
			log := *l
			log.segments = slices.Clone(l.segments)
			d.logs[s] = &log
		}
	}
	return &d
}

// totals are those of a stream. What was lost is left out, as what a bound let go.
func (c *content) totals(s Stream) Totals {
	l := c.logs[s]
	if l == nil {
		return Totals{}
	}
	t := l.totals()
	for i := range c.entries {
		e := &c.entries[i]
		if width := e.end - c.start(i); e.of(s) && e.lost() && !l.lost(e.off(), width) {
			t.Omitted += width
		}
	}
	t.OmittedLines += l.lostLines
	return t
}
