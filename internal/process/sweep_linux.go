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
	next *look // has not begun; nil: nobody waits for one
}

// look is one look at all processes.
type look struct {
	found map[string][]int // process ids, by the mark that is looked for
	over  bool             // guarded by sweeper.looking
}

// find returns the processes that carry a mark, as of a time after it was called.
func (s *sweeper) find(mark string) []int {
	s.mu.Lock()
	if s.next == nil {
		s.next = &look{found: make(map[string][]int)}
	}
	l := s.next
	l.found[mark] = nil
	s.mu.Unlock()
	s.looking.Lock()
	defer s.looking.Unlock()
	if !l.over {
		s.mu.Lock()
		s.next = nil // who comes from here on would be late for the first processes
		s.mu.Unlock()
		l.look()
	}
	return l.found[mark]
}

func (l *look) look() {
	l.over = true
	for _, pid := range allPids() {
		for entry := range bytes.SplitSeq(environment(pid), []byte{0}) {
			if pids, ok := l.found[string(entry)]; ok {
				l.found[string(entry)] = append(pids, pid)
			}
		}
	}
}
