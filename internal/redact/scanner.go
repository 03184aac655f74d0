package redact

// scanner reads a text and finds what is to be masked in it. What it finds
// depends on the bytes read, never on how they were cut into calls. It does
// not keep the text.
type scanner struct {
	set    *Set
	state  uint32
	pos    int64     // bytes read
	origin int64     // where the text began: behind the last finish
	found  intervals // to be masked and not yet taken

	recent     [recentBytes]byte // the last bytes read
	candidates [maxCandidates]candidate
	live       int // how many of them there are
}

// recentBytes is longer than the longest beginning of a pattern, so that the
// byte before it can be looked at.
const recentBytes = 32

// maxCandidates bounds the patterns that are open at once; one more is not taken
// up. Few can overlap, since most end at what has to stand before the next. It
// is not a slice because String could not keep that on its stack.
const maxCandidates = 16

// scan reads p.
func (sc *scanner) scan(p []byte) {
	words := sc.set.words
	suspect := 0 // the filter has nothing to say of what begins before
	for i := 0; i < len(p); {
		if sc.live > 0 {
			sc.feed(p[i], sc.pos+int64(i))
		} else if begun := i - int(words.nodes[sc.state].depth); begun >= suspect {
			// Nothing but what begins here or later can still become a needle: what
			// the filter passes over is lost to none.
			place := sc.set.filter.next(p, begun)
			if place > begun {
				sc.state, i = root, place
			}
			suspect = place + 1
		}
		sc.state = words.next(sc.state, p[i])
		i++
		if n := &words.nodes[sc.state]; n.value|uint32(n.pattern) != 0 {
			sc.hit(n, p, i)
		}
	}
	sc.pos += int64(len(p))
	for i := range sc.live {
		sc.settle(&sc.candidates[i])
	}
	sc.remember(p)
}

// hit notes what ends at p[i-1].
func (sc *scanner) hit(n *node, p []byte, i int) {
	if n.value != 0 {
		end := sc.pos + int64(i)
		sc.found.add(interval{end - int64(n.value), end})
	}
	if n.pattern != 0 {
		sc.begin(&sc.set.patterns[n.pattern-1], p, i)
	}
}

// scanString reads a text by way of a small buffer, since it is not bytes.
func (sc *scanner) scanString(text string) {
	var piece [512]byte
	for text != "" {
		n := copy(piece[:], text)
		sc.scan(piece[:n])
		text = text[n:]
	}
}

// settled returns the place before which nothing will be found any more,
// other than the rest of what already was.
func (sc *scanner) settled() int64 {
	place := sc.pos - int64(sc.set.words.nodes[sc.state].hold)
	for i := range sc.live {
		place = min(place, sc.candidates[i].end)
	}
	return place
}

// finish ends the text. A new one may follow.
func (sc *scanner) finish() {
	for i := range sc.live {
		sc.candidates[i].finish(sc.pos)
		sc.settle(&sc.candidates[i])
	}
	sc.state, sc.origin, sc.live = root, sc.pos, 0
}

// begin starts a candidate for a pattern whose beginning was read up to p[i].
func (sc *scanner) begin(pat *pattern, p []byte, i int) {
	before := i - len(pat.begin) - 1
	known := sc.pos+int64(before) >= sc.origin
	switch {
	case !known && pat.after != 0:
		return
	case known:
		is := classOf(sc.byteAt(p, before))
		if is&pat.notAfter != 0 || pat.after != 0 && is&pat.after == 0 {
			return
		}
	}
	for n := range sc.live {
		if sc.candidates[n].swallows(pat) {
			return
		}
	}
	if sc.live < len(sc.candidates) {
		sc.candidates[sc.live] = newCandidate(pat, sc.pos+int64(i))
		sc.live++
	}
}

// feed hands a byte to the candidates and drops those that it ends.
func (sc *scanner) feed(b byte, pos int64) {
	kept := 0
	for i := range sc.live {
		c := &sc.candidates[i]
		if !c.step(b, pos) || c.follows(sc.candidates[:kept]) {
			sc.settle(c)
			continue
		}
		if kept != i {
			sc.candidates[kept] = *c
		}
		kept++
	}
	sc.live = kept
}

// settle notes what a candidate is sure of.
func (sc *scanner) settle(c *candidate) {
	if c.end > c.start {
		sc.found.add(interval{c.start, c.end})
	}
}

// byteAt returns a byte of p, or before it.
func (sc *scanner) byteAt(p []byte, i int) byte {
	if i >= 0 {
		return p[i]
	}
	return sc.recent[len(sc.recent)+i]
}

// remember keeps the last bytes of p.
func (sc *scanner) remember(p []byte) {
	if len(p) >= len(sc.recent) {
		copy(sc.recent[:], p[len(p)-len(sc.recent):])
		return
	}
	n := copy(sc.recent[:], sc.recent[len(p):])
	copy(sc.recent[n:], p)
}
