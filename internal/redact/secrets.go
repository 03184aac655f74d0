package redact

import (
	"sync"
	"sync/atomic"
)

// maxReach is how far back a value may have begun that is added: what of it was
// released before stays as it is, and the rest is masked.
const maxReach = 2048

// Secrets is a [Set] that grows while streams and texts are masked with it. It is
// safe for concurrent use and must not be copied; make it with [NewSecrets].
type Secrets struct {
	mu  sync.Mutex // held by who adds
	set atomic.Pointer[Set]
}

// NewSecrets returns secrets that begin as a set. A nil Set is an empty one.
func NewSecrets(s *Set) *Secrets {
	if s == nil {
		s = &Set{}
	}
	secrets := &Secrets{}
	secrets.set.Store(s)
	return secrets
}

// Add has values masked from now on, in all the forms they are printed in: in every
// text, and in every byte that is written to a stream after Add has returned. Of a
// value that a stream is in the midst of, at most 2 KiB behind its beginning, the
// part is masked that is held back or still to come. Values shorter than [MinBytes]
// are left out.
func (s *Secrets) Add(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set.Store(s.set.Load().with(values))
}

// Parts are those of the set as it is now. See [Set.Parts].
func (s *Secrets) Parts() (values []string, o Options) {
	if s == nil {
		return nil, o
	}
	return s.set.Load().Parts()
}

// String returns the text with what is secret now masked. See [Set.String].
func (s *Secrets) String(text string) string { return s.set.Load().String(text) }

// Stream returns what masks one stream of output with what is secret at each write.
func (s *Secrets) Stream() *Stream {
	st := s.set.Load().Stream()
	st.secrets = s
	return st
}

// refresh has the stream go on with the set as it is now. It is all that a set
// which may grow costs where it does not: one load for each write.
func (st *Stream) refresh() {
	if st.secrets == nil {
		return
	}
	if set := st.secrets.set.Load(); set != st.scanner.set {
		st.change(set)
	}
}

// change has the stream go on with a larger set. The patterns are the same, and
// their candidates go on; the automaton comes to the state in which it would be, had
// it been there before, and what it finds that is not released yet is masked.
func (st *Stream) change(set *Set) {
	sc := &st.scanner
	text := st.held[len(st.held)-min(max(st.Held(), st.reach()), len(st.held)):]
	begin := sc.pos - int64(len(text))
	sc.set, sc.state = set, root
	for i, b := range text {
		sc.state = set.words.next(sc.state, b)
		n, end := &set.words.nodes[sc.state], begin+int64(i)+1
		if n.value != 0 && end > st.base {
			sc.found.add(interval{end - int64(n.value), end})
		}
	}
}

// skip passes over what an empty set has nothing to say of, but one that has grown
// may.
func (st *Stream) skip(p []byte) {
	if st.secrets == nil {
		return
	}
	st.scanner.pos += int64(len(p))
	st.base = st.scanner.pos
	st.keep(p)
}

// reach is how many bytes are held that were released. Those of the longest text
// are among them, because the automaton may still be in it.
func (st *Stream) reach() int {
	if st.secrets == nil {
		return 0
	}
	return max(maxReach, st.scanner.set.longest)
}
