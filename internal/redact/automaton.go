package redact

import (
	"bytes"
	"slices"
	"strings"
)

// root is the state in which nothing has begun.
const root = 0

// needle is a text the automaton looks for: one form of a value, or what
// begins a pattern.
type needle struct {
	text    string
	pattern uint8 // number of the pattern it begins, counted from 1; 0 for a value
	shown   bool  // it is not itself masked, only what follows
}

// node is a state: the text that leads to it is the longest end of what was
// read that is also the beginning of a needle.
type node struct {
	first   uint32 // its first child; the last one stands before the first child of the next node
	fail    uint32 // the state of the longest proper end of its text
	depth   uint32 // length of its text
	hold    uint32 // length of its longest end that may become masked
	value   uint32 // length of the longest value that ends here; 0 for none
	pattern uint8  // the pattern that begins here; 0 for none
}

// automaton is the one of Aho and Corasick, laid out for size: states are
// numbered breadth first, so the children of a state stand in a row and an edge
// is no more than the byte that leads to its end. That is 25 bytes a state,
// where a row of a dense table takes hundreds: a set is made for each
// execution, and its speed on what does not match comes from the filter.
type automaton struct {
	from  [256]uint32 // where a byte leads from the root
	label []byte      // the byte that leads to a state
	nodes []node      // with one more at the end, to end the row of the last
}

// newAutomaton sorts the needles and builds the automaton that finds them all.
func newAutomaton(needles []needle) *automaton {
	slices.SortFunc(needles, func(a, b needle) int { return strings.Compare(a.text, b.text) })
	n := countStates(needles)
	a := &automaton{label: make([]byte, 1, n), nodes: make([]node, 1, n+1)}
	a.grow(needles)
	a.link()
	return a
}

// countStates returns the number of different beginnings of sorted needles.
func countStates(needles []needle) int {
	n, last := 1, ""
	for _, each := range needles {
		shared := 0
		for shared < min(len(last), len(each.text)) && last[shared] == each.text[shared] {
			shared++
		}
		n += len(each.text) - shared
		last = each.text
	}
	return n
}

// grow adds the states, breadth first. A state stands for a range of the
// sorted needles: those that begin with its text.
func (a *automaton) grow(needles []needle) {
	type span struct{ low, high int }
	spans := make([]span, 1, cap(a.label))
	spans[0] = span{0, len(needles)}
	for s := 0; s < len(a.nodes); s++ {
		depth := int(a.nodes[s].depth)
		low, high := spans[s].low, spans[s].high
		for i := low; i < high && a.nodes[s].hold == 0; i++ {
			if !needles[i].shown {
				a.nodes[s].hold = a.nodes[s].depth
			}
		}
		for ; low < high && len(needles[low].text) == depth; low++ {
			a.end(s, needles[low])
		}
		a.nodes[s].first = uint32(len(a.nodes))
		for low < high {
			b, next := needles[low].text[depth], low+1
			for next < high && needles[next].text[depth] == b {
				next++
			}
			if s == root {
				a.from[b] = uint32(len(a.nodes))
			}
			a.label = append(a.label, b)
			a.nodes = append(a.nodes, node{depth: uint32(depth) + 1})
			spans = append(spans, span{low, next})
			low = next
		}
	}
	a.nodes = append(a.nodes, node{first: uint32(len(a.nodes))})
}

// end notes that a needle ends in a state.
func (a *automaton) end(s int, n needle) {
	if n.pattern != 0 {
		a.nodes[s].pattern = n.pattern
		return
	}
	a.nodes[s].value = a.nodes[s].depth
}

// link sets where a state fails to, and hands down what ends there: the
// longest value is enough, since it covers the shorter ones.
func (a *automaton) link() {
	for s := range len(a.nodes) - 1 {
		for child := a.nodes[s].first; child < a.nodes[s+1].first; child++ {
			n := &a.nodes[child]
			if s != root {
				n.fail = a.next(a.nodes[s].fail, a.label[child])
			}
			if n.hold == 0 {
				n.hold = a.nodes[n.fail].hold
			}
			if n.value == 0 {
				n.value = a.nodes[n.fail].value
			}
			if n.pattern == 0 {
				n.pattern = a.nodes[n.fail].pattern
			}
		}
	}
}

// next returns the state after one more byte. It looks at no more states than
// bytes were read, over the length of a text.
func (a *automaton) next(s uint32, b byte) uint32 {
	for s != root {
		low, high := a.nodes[s].first, a.nodes[s+1].first
		row := a.label[low:high]
		if len(row) > 8 {
			if i := bytes.IndexByte(row, b); i >= 0 {
				return low + uint32(i)
			}
		} else {
			for i, label := range row {
				if label == b {
					return low + uint32(i)
				}
			}
		}
		s = a.nodes[s].fail
	}
	return a.from[b]
}
