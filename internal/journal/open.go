package journal

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// NoteLost is the code of a note that stands for notes whose entry in the index
// is damaged: that there were some is known, and no more.
const NoteLost = 255

// reading is how far the index of another writer is read.
type reading struct {
	file *source
	next int64 // the slot to read next: the last run may have grown
	last slot
	any  bool // last is one
}

func (r *reading) close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.close()
	*r = reading{}
	return err
}

// Open opens a record on disk for reading, whether somebody still writes it, has
// closed it, or died: a folder, or an archive that it is sealed in. It has what was written when Open was called; Refresh adds
// what came since. What is damaged is a gap, and a torn end is not there.
// Append, Note and Close do nothing.
//
// Errors: [ErrFormat], and those of the files.
func Open(path string) (*Journal, error) { return OpenAt(At(path)) }

// OpenAt is Open of a record that may be moved while it is read.
func OpenAt(where Place) (*Journal, error) {
	at := &site{place: where}
	if _, err := at.find(); err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	j := journalOf(newDisk(at, maxSegment), &content{window: mergeWindow})
	if _, err := j.Refresh(); err != nil {
		return nil, err
	}
	return j, nil
}

// Resume opens a record whose writer died, to go on writing it, or one that is
// closed, to Forget its output. The caller sees to it that there is no other writer.
func Resume(dir string) (*Journal, error) {
	j, err := Open(dir)
	if err != nil {
		return nil, err
	}
	d := j.disk.Load()
	d.synced = j.content.logs[Stdout].total+j.content.logs[Stderr].total > 0 // as far as is known
	if err := errors.Join(d.read.close(), d.rewrite(j.content)); err != nil {
		return nil, fmt.Errorf("resume the record: %w", err)
	}
	return j, nil
}

// Refresh adds what another process wrote since, wakes who waits for it, and
// reports whether there was anything. In the process that writes it does nothing.
func (j *Journal) Refresh() (more bool, err error) {
	d := j.disk.Load()
	if d == nil {
		return false, nil
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.index != nil || d.read.file != nil && d.read.file.sealed {
		return false, nil
	}
	old := j.content // it changes here alone
	c, err := d.reopen()
	if err == nil {
		if c == nil {
			c = old
		}
		more, err = d.catchUp(j, c)
	}
	if err != nil {
		return false, fmt.Errorf("read the record: %w", err)
	}
	sealed := d.read.file.sealed
	if c.end() < old.end() { // it was cut, or is being written: not what was read before
		if !sealed {
			return false, d.read.close()
		}
		c = old
	}
	j.mu.Lock()
	if sealed && !c.closed { // its last note is damaged: nothing comes any more
		c.note(NoteLost, 0, 1, c.lastTime(), d.options)
		c.closed, more = true, true
	}
	c.wake, c.notify, c.notifyAt = old.wake, old.notify, old.notifyAt
	j.content = c
	var notify func()
	if more {
		notify = c.wakeAll()
	}
	j.mu.Unlock()
	j.tell(notify)
	return more, nil
}

// reopen opens the index, where it is another than the one that was read so far, and
// returns an empty content for it.
func (d *disk) reopen() (*content, error) {
	if d.read.file != nil && d.read.file.is(d.files.index()) {
		return nil, nil //nolint:nilnil // go on with the one there is
	}
	file, err := d.files.site.open(indexName)
	if err != nil {
		return nil, err
	}
	p := make([]byte, slotsAt)
	n, _ := file.ReadAt(p, 0)
	h, err := decodeHeader(p[:n])
	if err != nil {
		return nil, errors.Join(err, file.close())
	}
	_ = d.read.close()
	d.read.file = file
	d.files.span = h.span
	files, o := d.files, d.options
	c := &content{window: mergeWindow, files: &files}
	for s, x := range h.streams {
		l := c.log(Stream(s), o)
		l.head, l.tail, l.hole = x.head, x.tail, x.hole
		if o.KeepBytes = 0; x.head < math.MaxInt64 {
			o.KeepBytes = x.head + x.tail
		}
	}
	return c, nil
}

// lastTime is when the last entry was begun.
func (c *content) lastTime() int64 {
	if n := len(c.entries); n > 0 {
		return c.entries[n-1].nanos
	}
	return 0
}

// catchUp reads the slots that are new. Where one shows that some before it were not
// seen, those are read again: the writer may have written them, and that one, while they
// were being read. By now they are what they stay, since nothing before the last run is
// written again; what still cannot be read is damaged.
func (d *disk) catchUp(j *Journal, c *content) (more bool, err error) {
	var settled int64 // slots below had been written when the reading of them began
	if d.read.file.sealed {
		settled = math.MaxInt64
	}
	for {
		some, ahead, err := d.read.pass(j, c, settled, d.options)
		more = more || some
		if err != nil || ahead <= settled {
			return more, err
		}
		settled = ahead
	}
}

// pass reads the slots that are new, up to one that shows that some were not seen. Then
// ahead is the slot behind that one. What is not whole is passed over: it may be written
// right now.
func (r *reading) pass(j *Journal, c *content, settled int64, o *Options) (more bool, ahead int64, err error) {
	p := make([]byte, 4<<10)
	for at := r.next; ; p = make([]byte, maxSegment) {
		n, err := r.file.ReadAt(p, slotsAt+at*slotBytes)
		if err != nil && !errors.Is(err, io.EOF) {
			return more, 0, err
		}
		j.mu.Lock()
		for q := p[:n]; len(q) >= slotBytes && !c.closed && ahead == 0; q = q[slotBytes:] {
			var s slot
			switch whole := s.decode(q); {
			case whole && s.start > c.end() && at >= settled:
				ahead = at + 1
			case whole && r.take(c, &s, o):
				more, r.next = true, max(0, at-1) // a run is in the one slot or the one before
			}
			at++
		}
		j.mu.Unlock()
		if n < len(p) || ahead > 0 {
			return more, ahead, nil
		}
	}
}

// take adds a slot and reports whether it was new.
func (r *reading) take(c *content, s *slot, o *Options) bool {
	last := &r.last
	if e := last.entry(); r.any && !e.note() && s.start == last.start && s.end > last.end && s.what == last.what {
		grown := *s // the same run, which has grown meanwhile
		grown.start, grown.what = last.end, last.what+uint64(last.end-last.start)<<1
		if !c.take(&grown, o) {
			return false
		}
		last.end = s.end
		return true
	}
	if s.start < c.end() || !c.take(s, o) {
		return false
	}
	r.last, r.any = *s, true
	return true
}

// take adds what a slot says to a content that has all before it.
func (c *content) take(s *slot, o *Options) bool {
	e := s.entry()
	var before [streams]int64 // bytes of the streams before it
	if e.note() {
		before = [streams]int64{s.other, s.lines}
	} else {
		before[e.stream()], before[1-e.stream()] = e.off(), s.other
	}
	if s.start > c.end() && !c.bridge(s, before, o) {
		return false
	}
	if e.note() {
		c.add(e, o)
		c.closed = s.what&closingBit != 0
		return true
	}
	l, width := c.log(e.stream(), o), s.end-s.start
	switch {
	case l.total != e.off():
		return false
	case e.lost():
		l.skip(width)
		l.lines, l.open = max(l.lines, s.lines>>1), s.lines&1 != 0
		c.lost(e.stream(), e.off(), width, s.nanos, o)
	case !l.grow(s, width):
		return false
	default:
		c.run(e.stream(), e.off(), width, s.nanos, o)
	}
	return true
}

// bridge makes what is between the end and a slot: its own are damaged. Where it can
// only have been bytes before those of the slot in the same segment, the checksum
// of that has them as well, and nothing is lost but a time.
func (c *content) bridge(s *slot, before [streams]int64, o *Options) bool {
	e := s.entry()
	missing, notes := [streams]int64{}, s.start-c.end()
	for i := range missing {
		missing[i] = before[i] - c.bytesOf(Stream(i))
		if missing[i] < 0 || missing[i] > notes { // what is left before it, too, lest a sum run over
			return false
		}
		notes -= missing[i]
	}
	if !e.note() && !e.lost() && notes == 0 && missing[1-e.stream()] == 0 {
		l := c.log(e.stream(), o)
		begun := e.off() + s.end - s.start - int64(s.inSegment)
		if begun <= l.total {
			c.run(e.stream(), l.total, missing[e.stream()], s.nanos, o)
			l.total = e.off()
			return true
		}
	}
	for i, width := range missing {
		if width > 0 {
			l := c.log(Stream(i), o)
			off := l.total
			l.skip(width)
			c.lost(Stream(i), off, width, s.nanos, o)
		}
	}
	if notes > 0 {
		c.note(NoteLost, 0, notes, s.nanos, o)
	}
	return true
}

// grow adds the bytes of a slot, which are in a file, and reports whether they can
// be there.
func (l *byteLog) grow(s *slot, width int64) bool {
	begun := l.total + width - int64(s.inSegment)
	n := len(l.segments)
	if n == 0 || l.segments[n-1].off != begun {
		if n > 0 && l.segments[n-1].end() > begun {
			return false
		}
		l.segments = append(l.segments, segment{off: begun, lines: l.lines})
		n++
	}
	l.total += width
	seg := &l.segments[n-1]
	seg.away = int64(s.inSegment)
	if s.what&unsummed == 0 {
		if from, to := l.gap(); seg.summed == 0 && (to <= from || begun > to) {
			l.lostLines += max(0, s.lines>>1-int64(s.newlines)-l.lines)
		}
		seg.summed, seg.sum, seg.newlines = seg.away, s.sum, int64(s.newlines)
		seg.lines = s.lines>>1 - seg.newlines
		l.lines, l.open = s.lines>>1, s.lines&1 != 0
	}
	if l.total-l.head > l.tail {
		l.lose(l.head, l.total-l.tail, nil)
	}
	return true
}
