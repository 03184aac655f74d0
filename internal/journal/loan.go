package journal

// Loan is what a reader has of a journal for a while; see [Journal.Borrow]. The
// zero value is ready to use, by one reader of one journal.
type Loan struct {
	journal *Journal
	pieces  []piece
	pages   [][]byte // what was read from files
	lent    int      // how many of them
}

// piece is a segment of a stream: where it began.
type piece struct {
	log *byteLog
	off int64
}

// Return gives back what was borrowed: its Data must not be read any more. A
// reader that has left does so; of one that never does, the writer takes new memory.
func (l *Loan) Return() {
	if j := l.journal; j != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		l.end()
	}
}

// take notes who has bytes of a segment: nil is somebody who never gives them back.
func (l *Loan) take(log *byteLog, s *segment) {
	if l == nil {
		s.kept = true
		return
	}
	if n := len(l.pieces); n > 0 && l.pieces[n-1] == (piece{log, s.off}) {
		return
	}
	s.loans++
	l.pieces = append(l.pieces, piece{log, s.off})
}

// end gives all back. A segment that was let go meanwhile is not used again.
func (l *Loan) end() {
	if l == nil {
		return
	}
	for _, p := range l.pieces {
		if i := p.log.find(p.off); i < len(p.log.segments) && p.log.segments[i].off == p.off {
			p.log.segments[i].loans--
		}
	}
	l.pieces, l.lent = l.pieces[:0], 0
}

// page is memory for a segment from a file; nil for who keeps what is read.
func (l *Loan) page() []byte {
	if l == nil {
		return nil
	}
	if l.lent == len(l.pages) {
		l.pages = append(l.pages, make([]byte, maxSegment))
	}
	l.lent++
	return l.pages[l.lent-1]
}
