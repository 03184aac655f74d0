package redact

// MaxHold is how much a pattern may hold back.
const MaxHold = maxHold

// Forms returns what a set of the values looks for.
func Forms(values []string) []string {
	var needles []needle
	for _, value := range values {
		if len(value) >= MinBytes {
			needles = appendForms(needles, value)
		}
	}
	forms := make([]string, len(needles))
	for i, n := range needles {
		forms[i] = n.text
	}
	return forms
}

// Begins returns what the known patterns begin with.
func Begins() []string {
	var begins []string
	for _, p := range knownPatterns() {
		begins = append(begins, p.begin)
	}
	return begins
}

// Bytes returns how much memory the tables of a set take.
func (s *Set) Bytes() int {
	return len(s.words.nodes)*24 + len(s.words.label) + 4*len(s.words.from) + 8*len(s.filter) + 64*len(s.patterns)
}
