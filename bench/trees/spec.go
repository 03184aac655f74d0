package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// The traits of a process of a random tree, as letters of its spec.
const (
	ownSession  = 's'
	ownGroup    = 'g'
	doubleFork  = 'd' // its parent has exited
	ignoresTerm = 'i'
	stopped     = 'z' // once it has started its children
	cleanEnv    = 'e'
	closedFDs   = 'c'
	// byDesign marks one that neither the signal of the group nor the sweep of the
	// environment can reach: it, or one above it, was started without the mark, and
	// it, or one above it, left the group.
	byDesign = 'x'
)

// How large a random tree may be.
const (
	maxDepth  = 5
	maxFanOut = 4
	maxNodes  = 30
)

// node is a process of a random tree. Its text is its traits and its children in
// brackets: "si(e()z())".
type node struct {
	traits string
	kids   []node
}

func (n node) has(trait rune) bool { return strings.ContainsRune(n.traits, trait) }

func (n node) String() string {
	var text strings.Builder
	n.write(&text)
	return text.String()
}

func (n node) write(text *strings.Builder) {
	text.WriteString(n.traits)
	text.WriteByte('(')
	for _, k := range n.kids {
		k.write(text)
	}
	text.WriteByte(')')
}

// parse reads the text of a node.
func parse(text string) (node, error) {
	n, rest, err := parseNode(text)
	if err == nil && rest != "" {
		err = fmt.Errorf("%q follows the tree", rest)
	}
	return n, err
}

func parseNode(text string) (n node, rest string, err error) {
	traits, rest, ok := strings.Cut(text, "(")
	if !ok {
		return n, "", fmt.Errorf("%q has no bracket", text)
	}
	n.traits = traits
	for !strings.HasPrefix(rest, ")") {
		var kid node
		if kid, rest, err = parseNode(rest); err != nil {
			return n, "", err
		}
		n.kids = append(n.kids, kid)
	}
	return n, rest[1:], nil
}

// grower makes random trees.
type grower struct {
	random *rand.Rand
	room   int // for more nodes
}

// above is what a node has from those above it.
type above struct {
	depth       int
	clean, left bool
}

// newTree makes a tree whose leader has at least one child.
func newTree(random *rand.Rand) node {
	g := grower{random, maxNodes - 1}
	n := node{traits: g.traits(string([]rune{ignoresTerm, stopped, closedFDs}))}
	n.kids = g.kids(1+random.IntN(maxFanOut), above{depth: 1})
	return n
}

func (g *grower) traits(of string) string {
	var all strings.Builder
	for _, t := range of {
		if g.random.IntN(5) == 0 {
			all.WriteRune(t)
		}
	}
	return all.String()
}

func (g *grower) kids(n int, a above) (kids []node) {
	for range n {
		if g.room > 0 {
			g.room--
			kids = append(kids, g.grow(a))
		}
	}
	return kids
}

func (g *grower) grow(a above) node {
	n := node{traits: g.traits(string([]rune{ownSession, ownGroup, doubleFork, ignoresTerm, stopped, cleanEnv, closedFDs}))}
	a.clean = a.clean || n.has(cleanEnv)
	a.left = a.left || n.has(ownSession) || n.has(ownGroup)
	if a.clean && a.left {
		n.traits += string(byDesign)
	}
	if a.depth++; a.depth < maxDepth {
		n.kids = g.kids(g.random.IntN(maxFanOut+1), a)
	}
	return n
}
