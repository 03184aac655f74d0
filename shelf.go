package engine

// shelf keeps finished executions in the order they ended, in segments that are
// dropped whole: to forget a million costs a thousand steps. The ids of those
// forgotten stay known for a while, so that ErrExpired is not ErrNotFound.
type shelf struct {
	segments []*shelfSegment
	first    uint64 // number of the oldest kept; counted from 1
	next     uint64 // number of the next to come
	// ids holds the number of each; older holds what was there before ids was
	// last renewed. A number below first is a tombstone.
	ids, older map[ID]uint64
	bare       uint64 // those below have no output any more
}

const (
	shelfSegmentLen = 1024
	tombstones      = 1 << 16
	// packBehind is how many endings a record stays as it was: by then those who
	// followed it have seen its end.
	packBehind = 16
)

type shelfSegment struct {
	finished []*finished
	base     uint64 // number of finished[0]
}

func (s *shelf) put(f *finished) {
	if s.ids == nil {
		s.ids, s.first, s.next = make(map[ID]uint64), 1, 1
	}
	if n := len(s.segments); n == 0 || len(s.segments[n-1].finished) == shelfSegmentLen {
		s.segments = append(s.segments, &shelfSegment{base: s.next})
	}
	last := s.segments[len(s.segments)-1]
	last.finished = append(last.finished, f)
	s.ids[f.id] = s.next
	s.next++
	if s.next > s.first+packBehind {
		s.at(s.next - 1 - packBehind).journal.Pack()
	}
	s.renew()
}

// renew bounds the tombstones: when there are too many, the older half goes.
func (s *shelf) renew() {
	if len(s.ids) < 2*s.len()+tombstones {
		return
	}
	for id, n := range s.older {
		if n >= s.first {
			s.ids[id] = n
		}
	}
	s.older, s.ids = s.ids, make(map[ID]uint64)
}

func (s *shelf) len() int { return int(s.next - s.first) }

// find returns a finished execution. Errors: ErrNotFound, ErrExpired.
func (s *shelf) find(id ID) (*finished, error) {
	n, ok := s.ids[id]
	if !ok {
		n, ok = s.older[id]
	}
	switch {
	case !ok:
		return nil, fault(ErrNotFound, "%s", id)
	case n < s.first:
		return nil, Advise(fault(ErrExpired, "%s", id), "raise max_in_memory_executions or execution_retention_secs to keep more")
	}
	return s.at(n), nil
}

func (s *shelf) at(n uint64) *finished {
	g := s.segments[(n-s.segments[0].base)/shelfSegmentLen]
	return g.finished[n-g.base]
}

// drop forgets the oldest n. The work is that of the segments they fill.
func (s *shelf) drop(n int) {
	if n <= 0 {
		return
	}
	from := s.first
	s.first += uint64(n)
	whole := 0
	for whole < len(s.segments) && s.segments[whole].base+uint64(len(s.segments[whole].finished)) <= s.first {
		if len(s.segments[whole].finished) < shelfSegmentLen {
			break // still being filled
		}
		whole++
	}
	if whole > 0 {
		s.segments = append([]*shelfSegment(nil), s.segments[whole:]...)
	}
	if len(s.segments) > 0 {
		g := s.segments[0]
		clear(g.finished[max(from, g.base)-g.base : s.first-g.base])
	}
}

// over counts the oldest that are too many or ended before limit, in
// nanoseconds since 1970.
func (s *shelf) over(keep int, limit int64) int {
	n := max(0, s.len()-keep)
	if n == s.len() || s.at(s.first+uint64(n)).ended >= limit {
		return n
	}
	low, high := n, s.len() // those are in order of their ends
	for low < high {
		mid := (low + high) / 2
		if s.at(s.first+uint64(mid)).ended < limit {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// newest calls f for each kept, the newest first, until it returns false.
func (s *shelf) newest(f func(*finished) bool) {
	for n := s.next; n > s.first && n > 0; n-- {
		if !f(s.at(n - 1)) {
			return
		}
	}
}

// strip lets the output of the oldest go, as long as enough wants more freed. It
// goes on where it stopped last time.
func (s *shelf) strip(enough func(freed int64) bool) {
	for s.bare = max(s.bare, s.first); s.bare < s.next; s.bare++ {
		if enough(0) || enough(s.at(s.bare).journal.Forget()) {
			return
		}
	}
}
