package redact

import "encoding/binary"

// gramBytes is how much of a needle the filter looks at. No needle is shorter.
const gramBytes = 3

// filter says where a needle cannot begin: one bit for each hash of three
// bytes, set for the first three of a needle and for the three behind its
// first. So one look at every second place is enough. Most of what commands print
// is passed over at this test alone, which unlike a step of the automaton does
// not wait for the one before.
type filter [1 << 10]uint64

// add lets a needle begin.
func (f *filter) add(text string) {
	first, second, third := uint64(text[0]), uint64(text[1]), uint64(text[2])
	f.set(first | second<<8 | third<<16)
	if len(text) > gramBytes {
		f.set(second | third<<8 | uint64(text[3])<<16)
		return
	}
	for last := range uint64(1 << 8) {
		f.set(second | third<<8 | last<<16)
	}
}

// set sets the bit of three bytes.
func (f *filter) set(v uint64) {
	slot := gram(v)
	f[slot>>6] |= 1 << (slot & 63)
}

// next returns the first place in p, not before from, where a needle may begin.
// Of the last bytes, too few to be looked at, it returns the first.
func (f *filter) next(p []byte, from int) int {
	for i := from; ; {
		if i+8 > len(p) {
			return max(i-1, from)
		}
		v := binary.LittleEndian.Uint64(p[i:])
		switch {
		case f.has(v):
		case f.has(v >> 16):
			i += 2
		case f.has(v >> 32):
			i += 4
		default:
			i += 6
			continue
		}
		// A needle that begins here has its second bit at the next place; one that
		// began a byte before has its first bit there.
		if i > from && f.has(uint64(binary.LittleEndian.Uint32(p[i-1:]))) {
			return i - 1
		}
		if f.has(uint64(binary.LittleEndian.Uint32(p[i:])) >> 8) {
			return i
		}
		i += 2
	}
}

// has reports whether the bit of the low three bytes of v is set.
func (f *filter) has(v uint64) bool {
	slot := gram(v)
	return f[slot>>6]&(1<<(slot&63)) != 0
}

// gram hashes the low three bytes of v.
func gram(v uint64) uint64 { return uint64((uint32(v) << 8) * 0x9E3779B1 >> 16) }
