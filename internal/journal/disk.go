package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"sync"
	"time"
)

const (
	// leastOnDisk is the smallest bound of a stream on disk.
	leastOnDisk = 256 << 10
	// diskEntries bounds the index in memory of a record on disk: 6 MiB.
	diskEntries = 1 << 18

	reserveBytes = 4 << 10
)

// disk is what a journal on disk has beside one in memory. A journal that was
// opened for reading has none of the files open that are written.
type disk struct {
	options *Options
	files   files

	writing sync.Mutex // held while something is written; before Journal.mu
	index   *os.File   // nil: for reading
	slots   int64      // how many are in the index
	last    slot       // the run that may go on
	lastAt  int64      // the first of its two slots; -1: there is none
	again   int64      // how often it was written again
	gone    int        // content.letGo at the last rewrite
	synced  bool       // the index has something that must not be lost
	bytes   [streams]streamFile
	err     error

	read reading
}

// streamFile is where the bytes of a stream are written.
type streamFile struct {
	file   *os.File
	number int64
	synced int64 // files below have not changed since the last Sync
	pruned int64 // files below are removed, but for those of the head
	sum    uint32
	begun  int64 // start of the segment that sum is of; -1: none
	lines  int64 // newlines in it
}

// Create makes a journal on disk in a folder, which is made and must not be there
// yet. Keep is how many bytes of each stream are kept: 0 keeps all, and below
// 256 KiB is that. Beside them up to a quarter more is on disk, or 192 KiB.
//
// Readers are as of a journal in memory. Append writes before it returns, so that what
// it was given outlives this process; only Sync makes it outlive the machine. What
// cannot be written, because the disk is full, is a gap of its exact width: the
// record goes on as soon as there is room. Err tells.
func Create(dir string, keep int64) (*Journal, error) {
	c := &content{window: mergeWindow}
	d, err := create(&site{}, dir, keep, c)
	if err != nil {
		return nil, fmt.Errorf("create a record: %w", err)
	}
	return journalOf(d, c), nil
}

// create makes the folder of a record that has what a content has, which is notes. Of
// one that cannot be made nothing is left.
func create(at *site, dir string, keep int64, c *content) (*disk, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if keep > 0 {
		keep = max(keep, leastOnDisk)
	}
	at.now.Store(&location{path: dir})
	d := newDisk(at, spanOf(keep))
	d.options.KeepBytes = keep
	err := os.WriteFile(d.files.reserve(), make([]byte, reserveBytes), 0o600)
	if err == nil {
		err = d.rewrite(c)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return d, nil
}

// spanOf is how much of a stream is in one file: an eighth, so that the files of
// a tail are about what is kept.
func spanOf(keep int64) int64 {
	if keep <= 0 {
		return math.MaxInt64 / maxSegment * maxSegment
	}
	return (keep/8 + maxSegment - 1) / maxSegment * maxSegment
}

func newDisk(at *site, span int64) *disk {
	d := &disk{options: &Options{onDisk: true}, files: files{site: at, span: span}, lastAt: -1}
	for s := range d.bytes {
		d.bytes[s].begun = -1
	}
	return d
}

// journalOf is a journal that was never in memory.
func journalOf(d *disk, c *content) *Journal {
	j := &Journal{options: d.options, content: c}
	files := d.files // which changes when somebody else goes on
	c.files = &files
	j.disk.Store(d)
	return j
}

// Err returns the first error of writing to disk; nil if there was none, and in
// memory.
func (j *Journal) Err() error {
	d := j.disk.Load()
	if d == nil {
		return nil
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	return d.err
}

// Release closes the files of a journal on disk. It can still be read.
func (j *Journal) Release() error {
	d := j.disk.Load()
	if d == nil {
		return nil
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	err := d.read.close()
	for _, f := range []**os.File{&d.bytes[Stdout].file, &d.bytes[Stderr].file, &d.index} {
		if *f != nil {
			err = errors.Join(err, (*f).Close())
			*f = nil
		}
	}
	return err
}

// append writes bytes, in pieces that are in one segment each.
func (d *disk) append(j *Journal, s Stream, p []byte) {
	d.writing.Lock()
	for len(p) > 0 && d.index != nil {
		j.mu.Lock()
		c := j.openLocked()
		if c == nil {
			j.mu.Unlock()
			break
		}
		n, run := d.place(c, s, p, d.options)
		j.mu.Unlock()
		err := d.writeRun(s, p[:n], &run)
		d.failed(err)

		j.mu.Lock()
		if err == nil {
			c.append(s, p[:n], run.nanos, d.options)
			d.summed(c.logs[s])
		} else {
			c.lose(s, p[:n], run.nanos, d.options)
			d.bytes[s].begun = -1
		}
		notify := c.wakeAll()
		j.mu.Unlock()
		j.tell(notify)
		p = p[n:]
		d.tidy(j)
	}
	d.writing.Unlock()
}

// place says how much of p goes into the segment that is next, and what its slot
// will be. The checksum is still that of what was before.
func (d *disk) place(c *content, s Stream, p []byte, o *Options) (n int, run slot) {
	l, b := c.log(s, o), &d.bytes[s]
	begins := l.last() == nil
	n = l.room(len(p))
	if begins {
		b.begun, b.sum, b.lines = l.total, 0, 0
	}
	now := time.Now().UnixNano()
	run = slot{
		start: c.end(), end: c.end() + int64(n), nanos: now, what: uint64(l.total)<<1 | uint64(s),
		inSegment: uint32(l.total - b.begun + int64(n)),
	}
	if other := c.logs[1-s]; other != nil {
		run.other = other.total
	}
	run.lines = l.lines << 1
	joins := len(c.entries) > 0 && c.entries[len(c.entries)-1].run(s) && c.joins(&c.entries[len(c.entries)-1], now)
	if d.lastAt < 0 || begins || !joins || d.last.end != run.start || d.last.what&1 != uint64(s) {
		d.lastAt = -1
	}
	return n, run
}

// writeRun writes the bytes, and then that they are there.
func (d *disk) writeRun(s Stream, p []byte, run *slot) error {
	if err := d.writeBytes(s, run.entryOff(), p); err != nil {
		return err
	}
	b := &d.bytes[s]
	b.sum = crc32.Update(b.sum, castagnoli, p)
	count := newlines(p)
	b.lines += count
	run.sum, run.newlines = b.sum, uint32(b.lines)
	run.lines += count << 1
	if p[len(p)-1] != '\n' {
		run.lines |= 1
	}
	if d.lastAt < 0 {
		d.last, d.lastAt, d.again = *run, d.slots, 0
		return d.writeSlot(&d.last, d.lastAt)
	}
	first := d.last
	d.last = *run
	d.last.start, d.last.nanos, d.last.what = first.start, first.nanos, first.what
	d.again++
	return d.writeSlot(&d.last, d.lastAt+d.again%2) // the one before stays, should this one be torn
}

func (s *slot) entryOff() int64 { e := s.entry(); return e.off() }

func (d *disk) writeBytes(s Stream, off int64, p []byte) error {
	b := &d.bytes[s]
	if number := off / d.files.span; b.file == nil || b.number != number {
		if b.file != nil {
			d.failed(b.file.Close())
			b.file = nil
		}
		f, err := os.OpenFile(d.files.path(s, number), os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		b.file, b.number = f, number
	}
	_, err := b.file.WriteAt(p, off%d.files.span)
	if err != nil {
		_ = b.file.Close() // the next attempt opens it anew
		b.file = nil
	}
	return err
}

// writeSlot writes a slot at its place. One that could not be written is written
// over by the next.
func (d *disk) writeSlot(s *slot, at int64) error {
	var p [slotBytes]byte
	s.encode(p[:])
	if _, err := d.index.WriteAt(p[:], slotsAt+at*slotBytes); err != nil {
		d.lastAt = -1
		return err
	}
	d.slots = max(d.slots, at+1)
	return nil
}

// note writes a note. For it there is room even where the disk is full.
func (d *disk) note(j *Journal, code uint8, detail uint64, width int64, closing bool) {
	d.writing.Lock()
	defer d.writing.Unlock()
	j.mu.Lock()
	c := j.openLocked()
	if c == nil || d.index == nil {
		j.mu.Unlock()
		return
	}
	s := slot{start: c.end(), end: c.end() + width, nanos: time.Now().UnixNano(), what: noteBit | detail&maxDetail<<8 | uint64(code)}
	if closing {
		s.what |= closingBit
	}
	s.other, s.lines = c.bytesOf(Stdout), c.bytesOf(Stderr)
	j.mu.Unlock()
	d.lastAt = -1
	err := d.writeSlot(&s, d.slots)
	if err != nil && os.Remove(d.files.reserve()) == nil {
		err = d.writeSlot(&s, d.slots)
	}
	d.failed(err)

	j.mu.Lock()
	c.note(code, detail, width, s.nanos, d.options)
	c.closed = closing
	notify := c.wakeAll()
	j.mu.Unlock()
	j.tell(notify)
	if closing {
		d.failed(ignoreMissing(os.Remove(d.files.reserve())))
		d.tidy(j)
	}
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// failed keeps the first error.
func (d *disk) failed(err error) {
	if d.err == nil && err != nil {
		d.err = fmt.Errorf("write the record: %w", err)
	}
}

// summed gives the segment that grew its checksum.
func (d *disk) summed(l *byteLog) {
	b := &d.bytes[l.stream]
	s := &l.segments[len(l.segments)-1]
	s.summed, s.sum, s.newlines = l.total-s.off, b.sum, b.lines
}

// tidy removes the files whose bytes the bound let go, and writes the index anew
// when much of it is about what is gone.
func (d *disk) tidy(j *Journal) {
	j.mu.Lock()
	c := j.content
	most, letGone := int64(4*len(c.entries)+slotsAt), c.letGone
	var gaps [streams][2]int64
	for s, l := range c.logs {
		if l != nil {
			gaps[s][0], gaps[s][1] = l.gap()
			most += 4 * int64(len(l.segments))
		}
	}
	j.mu.Unlock()
	for s, gap := range gaps {
		d.prune(Stream(s), gap[0], gap[1])
	}
	if d.slots > most || d.gone != letGone {
		d.gone = letGone
		d.failed(d.rewrite(c)) // only who is writing changes what it reads
	}
}

// prune removes the files that are in a gap as a whole.
func (d *disk) prune(s Stream, from, to int64) {
	b := &d.bytes[s]
	first := max(b.pruned, (from+d.files.span-1)/d.files.span)
	for n := first; to > from && (n+1)*d.files.span <= to; n++ {
		d.failed(ignoreMissing(os.Remove(d.files.path(s, n))))
		b.pruned = n + 1
	}
}

// forget lets all output go, on disk as well.
func (d *disk) forget(j *Journal) int64 {
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.index == nil {
		return 0
	}
	j.mu.Lock()
	for s, l := range j.content.logs {
		if l != nil {
			l.forget(nil)
			d.bytes[s].begun = -1
		}
	}
	j.content.letGone++ // have the index say so
	j.mu.Unlock()
	d.tidy(j)
	return 0
}
