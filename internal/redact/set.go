package redact

import (
	"slices"
	"strings"
)

// Mask is what stands where a secret stood.
const Mask = "[REDACTED]"

// MinBytes is the length of the shortest value that is masked. Shorter ones
// would be found everywhere: a "no" or a "true" that is masked hides nothing and
// spoils the output.
const MinBytes = 6

// Options say what a [Set] masks besides the values it is given.
type Options struct {
	// Patterns also masks what looks like a well-known cloud credential: see
	// the package comment. Defaults to false.
	Patterns bool
}

// Set is what is to be masked. It is immutable and safe for concurrent use; a
// nil Set and the zero Set match nothing.
type Set struct {
	values   []string
	words    *automaton // nil when there is nothing to mask
	filter   *filter
	patterns []pattern
	longest  int // length of the longest text the automaton looks for
}

// New returns the set of the values, in all the forms they are printed in.
// Values shorter than [MinBytes] are left out.
func New(values []string, opts Options) *Set {
	s := &Set{}
	for _, value := range values {
		if len(value) >= MinBytes {
			s.values = append(s.values, value)
		}
	}
	if opts.Patterns {
		s.patterns = knownPatterns()
	}
	s.compile()
	return s
}

// with returns the set that masks more values as well. What it has of patterns is
// that of s itself, so that a candidate goes on in it.
func (s *Set) with(values []string) *Set {
	more := &Set{values: slices.Clip(s.values), patterns: s.patterns}
	for _, value := range values {
		if len(value) >= MinBytes && !slices.Contains(more.values, value) {
			more.values = append(more.values, value)
		}
	}
	if len(more.values) == len(s.values) {
		return s
	}
	more.compile()
	return more
}

// compile makes what finds the values and the beginnings of the patterns.
func (s *Set) compile() {
	needles := make([]needle, 0, len(s.patterns)+9*len(s.values)) // what plain values have
	for _, value := range s.values {
		needles = appendForms(needles, value)
	}
	for i := range s.patterns {
		pat := &s.patterns[i]
		needles = append(needles, needle{text: pat.begin, pattern: uint8(i + 1), shown: !pat.shape.masksBegin()})
	}
	if len(needles) == 0 {
		return
	}
	s.words, s.filter = newAutomaton(needles), &filter{}
	for _, n := range needles {
		s.filter.add(n.text)
		s.longest = max(s.longest, len(n.text))
	}
}

// Empty reports whether the set masks nothing.
func (s *Set) Empty() bool { return s == nil || s.words == nil }

// Parts are what New makes an equal set of, in another process. The values are
// secrets, and must not be changed.
func (s *Set) Parts() (values []string, o Options) {
	if s == nil {
		return nil, o
	}
	return s.values, Options{Patterns: s.patterns != nil}
}

// Stream returns what masks one stream of output.
func (s *Set) Stream() *Stream {
	st := &Stream{scanner: scanner{set: s}}
	copy(st.mask[:], Mask)
	return st
}

// String returns the text with what is secret in it masked: the form for events,
// errors and command lines. It returns the text itself, and allocates nothing,
// when nothing in it is.
func (s *Set) String(text string) string {
	if len(text) < MinBytes || s.Empty() {
		return text
	}
	return s.masked(text)
}

// masked is String of a text that may have something in it. It stands alone because a scanner is large: a young
// goroutine would have to grow its stack even for a text that is too short.
func (s *Set) masked(text string) string {
	sc := scanner{set: s}
	sc.scanString(text)
	sc.finish()
	if len(sc.found) == 0 {
		return text
	}
	var masked strings.Builder
	masked.Grow(len(text))
	place := int64(0)
	for _, piece := range sc.found {
		masked.WriteString(text[place:piece.start])
		masked.WriteString(Mask)
		place = piece.end
	}
	masked.WriteString(text[place:])
	return masked.String()
}
