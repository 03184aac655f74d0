package journal

// makeRoom lets the index take more. What was let go needs few entries; else the
// index grows; and at its bound first times get coarser and then, for processes
// that alternate between their streams without end, the middle goes.
func (c *content) makeRoom(o *Options) {
	c.collapse()
	room := cap(c.entries)
	size, enough, most := max(firstEntries, 2*room), room/4*3, o.maxEntries()
	if room > 0 && len(c.entries) <= enough {
		return
	}
	if room < most {
		size = min(size, most)
	}
	if size > smallIndex && (size > most || !o.Budget.allows(indexBytes(size)-indexBytes(room))) {
		if c.neighbours() >= len(c.entries)/2 {
			c.coarsen(enough)
		} else {
			c.letGo(o.Budget)
		}
		if len(c.entries) <= enough {
			return
		}
	}
	c.resize(size, o.Budget) // in the last case for notes, which stay
}

// collapse makes one entry a stream of neighbouring runs whose bytes are gone.
// Cursors behind and before them stay what they were.
func (c *content) collapse() {
	none := [streams]int{-1, -1}
	kept, gone := c.entries[:0], none // gone: where in kept a stream's run is that may take more
	start := int64(0)
	for _, e := range c.entries {
		width := e.end - start
		start = e.end
		if e.note() || !c.logs[e.stream()].lost(e.off(), width) {
			gone = none
		} else if i := gone[e.stream()]; i >= 0 {
			for ; i < len(kept); i++ {
				kept[i].end += width
			}
			continue
		} else {
			gone[e.stream()] = len(kept)
		}
		kept = append(kept, e)
	}
	c.entries = kept
}

// neighbours counts the entries that could be one with the entry before.
func (c *content) neighbours() int {
	n := 0
	for i := 1; i < len(c.entries); i++ {
		if e := &c.entries[i]; e.run(e.stream()) && c.entries[i-1].run(e.stream()) {
			n++
		}
	}
	return n
}

// coarsen merges runs that follow each other ever less closely, until there are
// no more than most. Only times are lost.
func (c *content) coarsen(most int) {
	for len(c.entries) > most {
		c.window *= 2
		kept := c.entries[:1]
		for _, e := range c.entries[1:] {
			last := &kept[len(kept)-1]
			if e.run(e.stream()) && last.run(e.stream()) && e.nanos-last.nanos < int64(c.window) {
				last.end = e.end
				continue
			}
			kept = append(kept, e)
		}
		c.entries = kept
	}
}

// letGo gives up the bytes of the middle half of the index, as if there had been
// more bytes than the bound.
func (c *content) letGo(b *Budget) {
	c.letGone++
	n := len(c.entries)
	from, to := c.start(n/8), c.start(n/8*5)
	for s, l := range c.logs {
		if l != nil {
			l.lose(c.offset(Stream(s), from), c.offset(Stream(s), to), b)
		}
	}
	c.collapse()
}

// resize gives the index room for so many entries.
func (c *content) resize(size int, b *Budget) {
	b.reserve(indexBytes(size) - indexBytes(cap(c.entries)))
	c.entries = append(make([]entry, 0, size), c.entries...)
}

// indexBytes is what the budget counts for an index of so many entries.
func indexBytes(entries int) int64 { return entryBytes * int64(max(0, entries-smallIndex)) }
