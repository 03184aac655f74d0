package journal

import (
	"fmt"
	"hash/crc32"
	"path/filepath"
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
	file, err := f.site.open(nameOf(a.stream, a.off/f.span))
	if err != nil {
		return nil
	}
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

// fetch gives records that have their bytes in files what they hold. What cannot
// be read is a gap: it was damaged, or let go a moment ago.
func (f *files) fetch(records []Record, loan *Loan) {
	var last away
	var data []byte
	for i := range records {
		r := &records[i]
		if r.away == nil {
			continue
		}
		if data == nil || *r.away != last {
			last = *r.away
			data = f.load(&last, loan.page())
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
}
