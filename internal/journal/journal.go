package journal

import (
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Head says how much of a stream's beginning a bound keeps.
type Head uint8

// Where a bounded stream is cut.
const (
	HeadAndTail Head = iota // half of the bound at the start, half at the end
	HeadOnly                // all of the bound at the start
)

// Options are the bounds of a [Journal]. The zero value keeps everything.
type Options struct {
	// KeepBytes is how many bytes of each stream are kept; 0 keeps all.
	KeepBytes int64
	// Cut says which bytes are kept when there are more.
	Cut Head
	// Budget, if not nil, bounds the memory of many journals together.
	Budget *Budget

	onDisk bool
}

// maxEntries bounds the index: an entry for each 16 bytes of the bound, which two
// streams together do not reach with runs of 32 bytes or more.
func (o *Options) maxEntries() int {
	const least, bytesPerEntry = 1024, 16
	if o.KeepBytes <= 0 {
		return math.MaxInt
	}
	most := int64(math.MaxInt32)
	if o.onDisk {
		most = diskEntries
	}
	return int(min(max(least, o.KeepBytes/bytesPerEntry), most))
}

// ErrBeyondEnd is returned by Read for a cursor behind the end of a journal
// that is closed: nothing will ever stand there.
var ErrBeyondEnd = errors.New("cursor is beyond the end of the record")

// Journal is the record of one execution, in memory or on disk: who reads it does
// not know. All methods are safe for concurrent use. The zero value is not usable;
// call [New], [Create], [Open] or [Resume].
type Journal struct {
	options *Options // of a record in memory

	disk atomic.Pointer[disk] // nil in memory; set with mu held

	// turn is of the reader who is next at mu: however many there are, who writes waits
	// for one of them and not for all.
	turn sync.Mutex

	mu      sync.Mutex
	content *content // nil once it is packed
	packed  []byte   // a closed record that is small, see pack
}

// New returns an empty journal.
// The options are not copied: many journals share one, and it must not change.
func New(o *Options) *Journal {
	c := &content{window: mergeWindow}
	c.entries = c.first[:0]
	return &Journal{options: o, content: c}
}

// Append adds bytes of a stream. It copies p and never waits. After Close it
// does nothing.
func (j *Journal) Append(s Stream, p []byte) {
	if len(p) == 0 {
		return
	}
	if d := j.inMemory(); d != nil {
		d.append(j, s, p)
		return
	}
	var notify func()
	if c := j.openLocked(); c != nil {
		c.append(s, p, time.Now().UnixNano(), j.options)
		notify = c.wakeAll()
	}
	j.mu.Unlock()
	j.tell(notify)
}

// Note adds a note that stands for width events, each one wide. What the code
// means is the caller's. After Close it does nothing.
func (j *Journal) Note(code uint8, width int64) { j.note(code, 0, width, false) }

// NoteDetail adds a note for one event that carries a number below 1<<52: Record.Detail.
// After Close it does nothing.
func (j *Journal) NoteDetail(code uint8, detail uint64) { j.note(code, detail, 1, false) }

// Close adds the last note and ends the record: readers that reach the end get
// io.EOF. A second Close does nothing. The record takes as much memory as before;
// see Pack.
func (j *Journal) Close(code uint8, width int64) { j.note(code, 0, width, true) }

func (j *Journal) note(code uint8, detail uint64, width int64, closing bool) {
	if d := j.inMemory(); d != nil {
		d.note(j, code, detail, width, closing)
		return
	}
	var notify func()
	if c := j.openLocked(); c != nil {
		c.note(code, detail, width, time.Now().UnixNano(), j.options)
		c.closed = closing
		notify = c.wakeAll()
		if closing {
			j.options.Budget.remind()
		}
	}
	j.mu.Unlock()
	j.tell(notify)
}

// Pack gives back the memory that a closed record can do without. Reading it costs
// more from then on, so it is for when those who followed it have left. Of a record
// that is open, or packed, it does nothing.
func (j *Journal) Pack() {
	if j.inMemory() != nil {
		return
	}
	defer j.mu.Unlock()
	if j.content != nil && j.content.closed {
		j.sealLocked()
	}
}

// inMemory locks mu where the record is in memory; else it returns what is on disk.
func (j *Journal) inMemory() *disk {
	if d := j.disk.Load(); d != nil {
		return d
	}
	j.mu.Lock()
	d := j.disk.Load()
	if d != nil { // it was moved there this moment
		j.mu.Unlock()
	}
	return d
}

// openLocked is the content that may still grow; nil after Close.
func (j *Journal) openLocked() *content {
	if j.content == nil || j.content.closed {
		return nil
	}
	return j.content
}

// viewLocked is the content to read: of a packed record one that is made for the
// occasion, and holds no bytes of its own.
func (j *Journal) viewLocked() *content {
	if j.content == nil {
		return unpack(j.packed)
	}
	return j.content
}

// view has f look at the content. In memory that is done with the lock held. On
// disk it may take long, and f gets a copy of all but the bytes, which are there or
// in files.
func (j *Journal) view(f func(*content)) {
	j.mu.Lock()
	if j.disk.Load() == nil {
		defer j.mu.Unlock()
		f(j.viewLocked())
		return
	}
	c := j.content.clone()
	j.mu.Unlock()
	f(c)
}

// sealLocked gives back what growing left over, and packs what is small.
func (j *Journal) sealLocked() {
	c, b := j.content, j.options.Budget
	c.collapse()
	if j.packed = c.pack(b); j.packed != nil {
		j.content = nil
		return
	}
	c.resize(len(c.entries), b)
	for _, l := range c.logs {
		if l != nil {
			l.fit(b)
		}
	}
}

// tell calls those who asked to be called. No lock is held.
func (j *Journal) tell(notify func()) {
	if notify != nil {
		notify()
	}
	j.options.Budget.alarm()
}

// End returns the cursor behind the last entry.
func (j *Journal) End() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.content == nil {
		return packedEnd(j.packed)
	}
	return j.content.end()
}

// Closed reports whether the record has its last entry.
func (j *Journal) Closed() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.openLocked() == nil
}

// Forget lets go of all output so far and returns how many bytes of memory that
// freed: readers get gaps of the same widths instead. Events stay. Of an open
// journal, what comes later is kept, as much as the bound says.
func (j *Journal) Forget() int64 {
	if d := j.inMemory(); d != nil {
		return d.forget(j)
	}
	defer j.mu.Unlock()
	c, b := j.viewLocked(), j.options.Budget
	before := c.held()
	for _, l := range c.logs {
		if l != nil {
			l.forget(b)
		}
	}
	if j.content = c; c.closed {
		j.sealLocked()
	}
	if j.content == nil {
		return before // what is packed now has no output
	}
	return before - c.held()
}

// Totals are the counts of one stream.
type Totals struct {
	Bytes   int64 // bytes appended
	Lines   int64 // newlines appended, and one more for a last line without
	Omitted int64 // bytes that are no longer kept
	// OmittedLines is the number of newlines among the omitted bytes.
	OmittedLines int64
}

// Totals returns the counts of a stream.
func (j *Journal) Totals(s Stream) Totals {
	var t Totals
	j.view(func(c *content) { t = c.totals(s) })
	return t
}

// Kept returns a copy of what is kept of a stream: the bytes before the gap
// and the bytes behind it; tail is nil where nothing was left out.
func (j *Journal) Kept(s Stream) (head, tail []byte) {
	j.view(func(c *content) {
		if l := c.logs[s]; l != nil {
			head, tail = l.kept()
		}
	})
	return head, tail
}

// Part is what is kept of one stream, as of Kept, with its counts.
type Part struct {
	Totals
	Head, Tail []byte
}

// Parts returns both streams, read at once.
func (j *Journal) Parts() (parts [streams]Part) {
	j.view(func(c *content) {
		for i, l := range c.logs {
			if l != nil {
				parts[i].Totals = c.totals(Stream(i))
				parts[i].Head, parts[i].Tail = l.kept()
			}
		}
	})
	return parts
}
