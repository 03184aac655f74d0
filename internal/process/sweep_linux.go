package process

import (
	"bytes"
	"sync"
)

// sweeper looks at all processes of the machine for many trees at once. A look
// reads an environment for each process that there is: where a thousand trees end
// together, and each looked for itself, that would be a million.
type sweeper struct {
	looking sync.Mutex // held by who looks

	mu   sync.Mutex
	next *look // has not begun; nil: nobody wants one
}

// look is one look at all processes. Who wanted it first makes it.
type look struct {
	found map[string][]int // process ids, by the mark that is looked for
	over  chan struct{}    // closed when all are found
}

// find returns the processes that carry a mark, as of a time after it was called.
func (s *sweeper) find(mark string) []int {
	s.mu.Lock()
	l, first := s.next, s.next == nil
	if first {
		l = &look{found: make(map[string][]int), over: make(chan struct{})}
		s.next = l
	}
	l.found[mark] = nil
	s.mu.Unlock()
	if first {
		s.take(l)
	}
	<-l.over
	return l.found[mark]
}

func (s *sweeper) take(l *look) {
	s.looking.Lock()
	defer s.looking.Unlock()
	defer close(l.over)
	s.mu.Lock()
	s.next = nil // who comes from here on would be late for the first processes
	s.mu.Unlock()
	for _, pid := range allPids() {
		for entry := range bytes.SplitSeq(environment(pid), []byte{0}) {
			if pids, ok := l.found[string(entry)]; ok {
				l.found[string(entry)] = append(pids, pid)
			}
		}
	}
}
