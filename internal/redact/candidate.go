package redact

// maxHold bounds what a pattern holds back: what does not prove to be a
// credential within so many bytes of its beginning is let go.
const maxHold = 4096

// candidate is a pattern that has begun and may turn out to be a credential.
// It is fed byte by byte, in the order of the text.
type candidate struct {
	pattern *pattern
	start   int64 // of what is to be masked
	end     int64 // up to here it is sure; the same as start while it is not
	stage   int   // where in its shape it is, counted from 0
	count   int   // bytes in this stage that count for its end
	seen    int   // what else the shape has to remember
}

// newCandidate returns the candidate of a pattern whose beginning ends at pos.
func newCandidate(pat *pattern, pos int64) candidate {
	c := candidate{pattern: pat, start: pos, end: pos}
	if pat.shape.masksBegin() {
		c.start -= int64(len(pat.begin))
		c.end = c.start
	}
	return c
}

// step reads the byte at pos. It returns false when the candidate is over:
// what it was sure of until then is to be masked.
func (c *candidate) step(b byte, pos int64) bool {
	switch c.pattern.shape {
	case tokenShape:
		return c.stepToken(b, pos)
	case assignShape:
		return c.stepAssign(b, pos)
	case jwtShape:
		return c.stepJWT(b, pos)
	case urlShape:
		return c.stepURL(b, pos)
	case keyBlockShape:
		return c.stepKeyBlock(b, pos)
	default:
		return false
	}
}

// finish says that the text ends at pos.
func (c *candidate) finish(pos int64) {
	switch c.pattern.shape {
	case tokenShape:
		if c.pattern.exact && c.count == c.pattern.least {
			c.end = pos
		}
	case keyBlockShape:
		c.finishKeyBlock(pos)
	case assignShape, jwtShape, urlShape:
	}
}

// sure reports whether there is something to mask already.
func (c *candidate) sure() bool { return c.end > c.start }

// follows reports whether an earlier candidate is further on in the same run and
// will mask whatever this one does. Without it "glpat-glpat-glpat-…" would have
// one candidate more with each word.
func (c *candidate) follows(earlier []candidate) bool {
	for i := range earlier {
		e := &earlier[i]
		if e.pattern.shape == c.pattern.shape && e.pattern.body == c.pattern.body &&
			e.pattern.least <= c.pattern.least && e.stage == c.stage && e.count >= c.count {
			return true
		}
	}
	return false
}

// swallows reports whether the candidate masks all that one of a pattern, beginning
// now, could be.
func (c *candidate) swallows(pat *pattern) bool {
	return c.pattern == pat && c.sure() && (pat.shape == tokenShape || pat.shape == jwtShape)
}

// stepToken reads a byte of a run.
func (c *candidate) stepToken(b byte, pos int64) bool {
	pat, is := c.pattern, classOf(b)
	if is&pat.body == 0 {
		if pat.exact && c.count == pat.least && is&alnum == 0 {
			c.end = pos
		}
		return false
	}
	c.count++
	switch {
	case pat.exact:
		return c.count <= pat.least
	case c.count >= pat.least:
		c.end = pos + 1
	}
	return true
}

const (
	assignSign  = iota // between the name and the value
	assignValue        // in the value

	// maxSign is how many bytes may stand between name and value: JSON in
	// JSON has \": \".
	maxSign = 16
)

// stepAssign reads a byte behind a name.
func (c *candidate) stepAssign(b byte, pos int64) bool {
	if c.stage == assignSign {
		switch b {
		case '=', ':', '>':
			c.seen++
			fallthrough
		case ' ', '\t', '"', '\'', '\\':
			// Nothing is held as long as there is no value.
			c.start, c.end = pos+1, pos+1
			c.count++
			return c.count <= maxSign
		}
		if c.seen == 0 {
			return false
		}
		c.stage, c.count = assignValue, 0
	}
	if classOf(b)&c.pattern.body == 0 {
		return false
	}
	c.count++
	if c.count >= c.pattern.least {
		c.end = pos + 1
	}
	return true
}

const (
	jwtHeader = iota
	jwtPayload
	jwtRest

	// The shortest header names an algorithm; a payload may be {"a":1}. An
	// encrypted token has other parts, and more of them, between its dots.
	minHeader  = 12
	minPayload = 8
)

// stepJWT reads a byte of a JSON web token.
func (c *candidate) stepJWT(b byte, pos int64) bool {
	is := classOf(b)
	if is&(base64URL|dot) == 0 {
		return false
	}
	c.count++
	switch c.stage {
	case jwtHeader:
		if is == dot {
			c.stage, c.count = jwtPayload, 0
			return pos-c.start >= minHeader
		}
		return c.count <= maxHold
	case jwtPayload:
		if is == dot {
			return false
		}
		if c.count >= minPayload {
			c.stage, c.end = jwtRest, pos+1
		}
	default:
		c.end = pos + 1
	}
	return true
}

const (
	urlUser = iota
	urlPassword
)

// stepURL reads a byte behind "://".
func (c *candidate) stepURL(b byte, pos int64) bool {
	switch b {
	case '/', '?', '#', '"', '<', '>', '`', '\\', 0x7f:
		return false
	}
	if b <= ' ' {
		return false
	}
	c.count++
	switch {
	case c.stage == urlUser:
		if b == ':' {
			c.stage = urlPassword
		}
		c.start, c.end = pos+1, pos+1
	case b == '@':
		// An unescaped @ in a password is common: the last one counts.
		c.end = max(c.end, pos)
	}
	return c.count <= maxHold
}
