package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The index of a record on disk is a header, written twice, and slots of equal
// size, so that a damaged one is one and no more. Numbers are little endian; a
// checksum (CRC-32C) ends each.
const (
	formatVersion = 1
	// oldestReader is the version that understands what this one writes.
	oldestReader = 1

	magic       = "cljournl"
	headerBytes = 128
	slotsAt     = 2 * headerBytes
	slotBytes   = 64
)

// ErrFormat is returned for a folder whose record cannot be read: it is no
// record, or its header is damaged, or a newer program wrote it.
var ErrFormat = errors.New("not a record that can be read")

//nolint:gochecknoglobals // made once; never written
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header says what the slots begin with.
type header struct {
	span    int64 // bytes of a stream in one file
	streams [streams]struct{ head, tail, hole int64 }
}

func (h *header) encode() []byte {
	p := make([]byte, headerBytes)
	copy(p, magic)
	le := binary.LittleEndian
	le.PutUint32(p[8:], formatVersion)
	le.PutUint32(p[12:], oldestReader)
	le.PutUint64(p[16:], uint64(h.span))
	for i, s := range h.streams {
		at := p[24+24*i:]
		le.PutUint64(at, uint64(s.head))
		le.PutUint64(at[8:], uint64(s.tail))
		le.PutUint64(at[16:], uint64(s.hole))
	}
	le.PutUint32(p[headerBytes-4:], crc32.Checksum(p[:headerBytes-4], castagnoli))
	return append(p, p...)
}

// decodeHeader takes the first of both that is whole.
func decodeHeader(p []byte) (h header, err error) {
	le := binary.LittleEndian
	for i := range 2 {
		if len(p) < (i+1)*headerBytes {
			break
		}
		p := p[i*headerBytes:][:headerBytes]
		if string(p[:8]) != magic || le.Uint32(p[headerBytes-4:]) != crc32.Checksum(p[:headerBytes-4], castagnoli) {
			continue
		}
		if oldest := le.Uint32(p[12:]); oldest > formatVersion {
			return h, fmt.Errorf("%w: it needs a program that reads version %d, this one reads %d", ErrFormat, oldest, formatVersion)
		}
		h.span = int64(le.Uint64(p[16:]))
		for s := range h.streams {
			at := p[24+24*s:]
			x := &h.streams[s]
			x.head, x.tail, x.hole = int64(le.Uint64(at)), int64(le.Uint64(at[8:])), int64(le.Uint64(at[16:]))
		}
		if h.span <= 0 || h.span%maxSegment != 0 {
			break
		}
		return h, nil
	}
	return h, fmt.Errorf("%w: the header of its index is damaged", ErrFormat)
}

// slot is one entry of the index on disk: a note, or the part of a run that
// lies in one segment. What it says beside its own is what makes a damaged
// neighbour a gap of known width.
type slot struct {
	start, end int64
	nanos      int64
	what       uint64 // as of entry, and closingBit
	other      int64  // bytes of the other stream so far; of a note: of stdout
	lines      int64  // newlines of the stream up to the end, <<1, and 1 where a line is open; of a note: bytes of stderr

	// Of a run: how far behind the start of its segment it ends, how many newlines
	// that has, and the checksum of it.
	inSegment uint32
	newlines  uint32
	sum       uint32
}

// Flags of slot.what beside those of entry.
const (
	closingBit = 1 << 61 // the last note
	unsummed   = 1 << 60 // inSegment alone is known: a later slot has the sum
	slotFlags  = closingBit | unsummed
)

func (s *slot) entry() entry { return entry{end: s.end, nanos: s.nanos, what: s.what &^ slotFlags} }

func (s *slot) encode(p []byte) {
	le := binary.LittleEndian
	for i, v := range []uint64{uint64(s.start), uint64(s.end), uint64(s.nanos), s.what, uint64(s.other), uint64(s.lines)} {
		le.PutUint64(p[8*i:], v)
	}
	for i, v := range []uint32{s.inSegment, s.newlines, s.sum} {
		le.PutUint32(p[48+4*i:], v)
	}
	le.PutUint32(p[60:], crc32.Checksum(p[:60], castagnoli))
}

// decode reports whether the slot is whole and says something that can be.
func (s *slot) decode(p []byte) bool {
	le := binary.LittleEndian
	if le.Uint32(p[60:]) != crc32.Checksum(p[:60], castagnoli) {
		return false
	}
	*s = slot{
		start: int64(le.Uint64(p)), end: int64(le.Uint64(p[8:])), nanos: int64(le.Uint64(p[16:])), what: le.Uint64(p[24:]),
		other: int64(le.Uint64(p[32:])), lines: int64(le.Uint64(p[40:])),
		inSegment: le.Uint32(p[48:]), newlines: le.Uint32(p[52:]), sum: le.Uint32(p[56:]),
	}
	e := s.entry()
	switch {
	case s.start < 0 || s.end <= s.start || s.other < 0 || s.lines < 0:
		return false
	case e.note() || e.lost():
		return true
	default: // a run, which is in its segment as a whole
		return int64(s.inSegment) >= s.end-s.start && s.inSegment <= maxSegment && e.off()+s.end-s.start >= int64(s.inSegment)
	}
}
