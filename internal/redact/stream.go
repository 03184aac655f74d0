package redact

// Stream masks one stream of output. It is made by [Set.Stream] or
// [Secrets.Stream]. It is not safe for concurrent use and must not be copied.
type Stream struct {
	scanner scanner
	secrets *Secrets // where the set may grow; nil: it does not
	held    []byte   // the bytes before scanner.pos: what is not yet released, and as much more as reach says
	base    int64    // place of the first byte that is neither released nor masked
	covered int64    // place behind the last mask that was emitted
	masks   int64
	mask    [len(Mask)]byte
}

// Write reads p and hands to emit, in order and masked, all that can no longer
// be part of a secret. What is emitted may be a piece of p; it is valid during
// the call only and must not be changed. p is not kept.
func (st *Stream) Write(p []byte, emit func([]byte)) {
	st.refresh()
	if st.scanner.set.Empty() {
		if len(p) > 0 {
			emit(p)
		}
		st.skip(p)
		return
	}
	st.scanner.scan(p)
	st.release(st.scanner.settled(), p, emit)
	st.keep(p)
}

// Flush says that the stream has ended, and emits what was held. The stream
// may be used again: what follows is a new one.
func (st *Stream) Flush(emit func([]byte)) {
	st.refresh()
	if !st.scanner.set.Empty() {
		st.scanner.finish()
		st.release(st.scanner.pos, nil, emit)
	}
	st.held = st.held[:0]
}

// Masks returns how often a mask was emitted.
func (st *Stream) Masks() int64 { return st.masks }

// Held returns the number of bytes that were read and are held back.
func (st *Stream) Held() int { return int(st.scanner.pos - st.base) }

// release emits what stands before a place, where the bytes last read are p.
func (st *Stream) release(place int64, p []byte, emit func([]byte)) {
	found := st.scanner.found
	n := 0
	for ; n < len(found) && found[n].start <= place; n++ {
		piece := found[n]
		// One that overlaps a mask needs no second, unless something was released
		// between: then its beginning was, before the set grew.
		if piece.start >= st.covered || st.base > st.covered {
			st.pass(piece.start, p, emit)
			emit(st.mask[:])
			st.masks++
		}
		// The end may still grow: what overlaps it later needs no second mask.
		st.covered = max(st.covered, piece.end)
		st.base = max(st.base, st.covered)
	}
	st.scanner.found = found[:copy(found, found[n:])]
	st.pass(place, p, emit)
}

// pass emits the bytes from the base up to a place as they are.
func (st *Stream) pass(place int64, p []byte, emit func([]byte)) {
	if place <= st.base {
		return
	}
	begin := st.scanner.pos - int64(len(p)) // of p
	if st.base < begin {
		held := st.held[len(st.held)-int(begin-st.base):]
		emit(held[:min(int64(len(held)), place-st.base)])
	}
	if place > begin {
		emit(p[max(st.base-begin, 0) : place-begin])
	}
	st.base = place
}

// keep moves what of p may be needed again to what is held.
func (st *Stream) keep(p []byte) {
	n := min(max(st.Held(), st.reach()), len(st.held)+len(p))
	if n <= len(p) {
		st.held = append(st.held[:0], p[len(p)-n:]...)
		return
	}
	gone := len(st.held) + len(p) - n
	// Moving the rest down only when half is gone keeps the cost of a byte
	// constant where a long secret arrives byte by byte.
	if gone > len(st.held)/2 {
		st.held = st.held[:copy(st.held, st.held[gone:])]
	}
	st.held = append(st.held, p...)
}
