package redact

// The stages of a PEM block. A block that ends within blockHold bytes of its
// beginning is masked whatever it holds; of a longer one only what looks like a
// key, so that a stray BEGIN does not swallow the rest of the output.
const (
	blockLabel   = iota // behind "-----BEGIN "
	blockDashes         // the dashes behind the label
	blockOpening        // headers, until something looks like a key
	blockBody           // base64
	blockEnd            // dashes, "END "
	blockClosing        // the label behind END, and its dashes

	blockHold   = 1024
	maxLabel    = 64
	firstLine   = 32 // bytes in a row that look like a key behind a BEGIN
	anyLine     = 16 // and after that
	maxLastLine = 64 // a shorter rest of the key, up to its END
	dashes      = 5
	privateKey  = "PRIVATE KEY"
	endLabel    = "-----END "
)

// stepKeyBlock reads a byte of a PEM block.
func (c *candidate) stepKeyBlock(b byte, pos int64) bool {
	c.count++
	switch c.stage {
	case blockLabel:
		return c.stepLabel(b)
	case blockDashes:
		if c.count == dashes {
			c.stage, c.count = blockOpening, 0
		}
		return b == '-'
	case blockOpening, blockBody:
		return c.stepBody(b, pos)
	case blockEnd:
		return c.stepEnd(b, pos)
	default:
		return c.stepClosing(b, pos)
	}
}

// stepLabel reads the label of the block: only that of a private key is one.
func (c *candidate) stepLabel(b byte) bool {
	is := classOf(b)
	switch {
	case is == dash && c.seen == len(privateKey):
		c.stage, c.count, c.seen = blockDashes, 1, 0
		return true
	case is&(upper|digit) == 0 && b != ' ':
		return false
	case c.seen == len(privateKey): // the label of PGP goes on
	case b == privateKey[c.seen]:
		c.seen++
	case b == privateKey[0]:
		c.seen = 1
	default:
		c.seen = 0
	}
	return c.count <= maxLabel
}

// stepBody reads what stands between the lines BEGIN and END. Here count is
// the length of what may be a line of the key.
func (c *candidate) stepBody(b byte, pos int64) bool {
	least := anyLine
	if c.stage == blockOpening {
		least = firstLine
	}
	is := classOf(b)
	switch {
	case is == dash:
		c.seen, c.count = c.stage, 1
		c.stage = blockEnd
		return true
	case is&base64Std != 0:
		if c.count >= least {
			c.stage, c.end = blockBody, pos+1
		}
	case c.stage == blockOpening, b == ' ', b == '\t', b == '\r', b == '\n', b == '\\':
		c.count = 0
	default:
		return false
	}
	return c.near(pos)
}

// near reports whether the candidate may go on without being sure of more.
func (c *candidate) near(pos int64) bool {
	if !c.sure() {
		return pos-c.start < blockHold
	}
	return pos-c.end < maxLastLine+maxLabel
}

// stepEnd reads what begins with a dash.
func (c *candidate) stepEnd(b byte, pos int64) bool {
	if b == endLabel[c.count-1] {
		if c.count == len(endLabel) {
			c.stage, c.count, c.seen = blockClosing, 0, 0
		}
		return c.near(pos)
	}
	// A dash in a header, and not the end.
	if c.seen == blockOpening && c.count <= dashes {
		c.stage, c.count = blockOpening, 0
		return c.near(pos)
	}
	return false
}

// stepClosing reads the label behind END.
func (c *candidate) stepClosing(b byte, pos int64) bool {
	if b == '-' {
		c.seen++
		if c.seen == dashes {
			c.end = pos + 1
			return false
		}
		return true
	}
	return c.seen == 0 && b >= ' ' && c.near(pos)
}

// finishKeyBlock masks the rest of a key that the text broke off.
func (c *candidate) finishKeyBlock(pos int64) {
	if c.stage >= blockBody && c.sure() {
		c.end = pos
	}
}
