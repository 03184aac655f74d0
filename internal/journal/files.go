package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"syscall"
	"time"
)

const (
	indexName   = "index"
	reserveName = "reserve"
)

// files are the bytes of a record on disk: of each stream a row of files that hold
// span bytes each, as they were written and nothing else.
type files struct {
	site *site
	span int64
}

func nameOf(s Stream, number int64) string { return fmt.Sprintf("%s.%06d", s, number) }

// path, index and reserve are for who writes, and so in a folder.
func (f *files) path(s Stream, number int64) string { return f.in(nameOf(s, number)) }
func (f *files) index() string                      { return f.in(indexName) }
func (f *files) reserve() string                    { return f.in(reserveName) }
func (f *files) in(name string) string              { return filepath.Join(f.site.now.Load().path, name) }

// away is a segment whose bytes are in a file.
type away struct {
	stream Stream
	off    int64
	lines  int64
	summed int64 // how many of its bytes the checksum is of
	sum    uint32
}

// load reads a segment into p, if that has room; nil where its bytes are not what
// they were, or are gone.
func (f *files) load(a *away, p []byte) []byte {
	file, err := f.open(a)
	if err != nil {
		return nil
	}
	return f.segment(file, a, p)
}

func (f *files) open(a *away) (*source, error) { return f.site.open(nameOf(a.stream, a.off/f.span)) }

// segment reads a segment out of its file, and closes that.
func (f *files) segment(file *source, a *away, p []byte) []byte {
	defer func() { _ = file.close() }()
	if int64(cap(p)) < a.summed {
		p = make([]byte, a.summed)
	}
	p = p[:a.summed]
	if _, err := file.ReadAt(p, a.off%f.span); err != nil || crc32.Checksum(p, castagnoli) != a.sum {
		return nil
	}
	return p
}

// shortPause is how long a reader waits before it asks again for a descriptor.
const shortPause = 50 * time.Millisecond

// loadSoon is load for who can wait, until it is stopped, where there is no descriptor for
// the file: that says nothing of what is in it. There being none is its only error.
func (f *files) loadSoon(stop <-chan struct{}, a *away, p []byte) ([]byte, error) {
	for {
		file, err := f.open(a)
		switch {
		case err == nil:
			return f.segment(file, a, p), nil
		case !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE):
			return nil, nil
		}
		select {
		case <-time.After(shortPause):
		case <-stop:
			return nil, err
		}
	}
}

// fetch gives records that have their bytes in files what they hold. What cannot
// be read is a gap: it was damaged, or let go a moment ago. Where there was no descriptor
// until it was stopped, it has that error and what it did not read is a gap as well.
func (f *files) fetch(stop <-chan struct{}, records []Record, loan *Loan) (short error) {
	var last away
	var data []byte
	for i := range records {
		r := &records[i]
		if r.away == nil {
			continue
		}
		if data == nil || *r.away != last {
			last = *r.away
			var err error
			if data, err = f.loadSoon(stop, &last, loan.page()); err != nil {
				short = err
			}
		}
		skip := r.off - last.off
		if skip+r.Width > int64(len(data)) {
			r.Kind = Gap
		} else {
			r.Data = data[skip : skip+r.Width : skip+r.Width]
			r.Line = last.lines + newlines(data[:skip])
		}
		r.away = nil
	}
	return short
}
