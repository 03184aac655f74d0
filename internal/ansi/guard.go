package ansi

import (
	"io"
	"unicode/utf8"
)

// Guard is a writer in front of a terminal. What it lets through it passes on as
// it is; of what it does not, the first byte is shown as a picture (␛ for ESC), so that
// the rest is text. It holds back what may be the beginning of a sequence or of a
// character until more comes; Flush gives it out. It is for one goroutine at a time.
type Guard struct {
	out  io.Writer
	held []byte
	safe []byte
}

// NewGuard returns a guard in front of a terminal.
func NewGuard(out io.Writer) *Guard { return &Guard{out: out} }

// Write shows p. It returns the terminal's error.
func (g *Guard) Write(p []byte) (int, error) {
	all := p
	if len(g.held) > 0 {
		all = append(g.held, p...)
	}
	g.safe = g.safe[:0]
	rest := g.show(all, false)
	g.held = append(g.held[:0], rest...)
	if len(g.safe) == 0 {
		return len(p), nil
	}
	if _, err := g.out.Write(g.safe); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush shows what is held back.
func (g *Guard) Flush() error {
	g.safe = g.safe[:0]
	g.show(g.held, true)
	g.held = g.held[:0]
	_, err := g.out.Write(g.safe)
	return err
}

// show appends what may be shown of p to safe, and returns what has to wait.
func (g *Guard) show(p []byte, whole bool) (rest []byte) {
	for len(p) > 0 {
		n := plain(p)
		g.safe = append(g.safe, p[:n]...)
		if p = p[n:]; len(p) == 0 {
			break
		}
		switch {
		case p[0] == esc:
			n := sequence(p)
			if n == 0 && !whole && len(p) < maxSequence && (len(p) == 1 || p[1] == '[') {
				return p
			}
			if n > 0 && n <= maxSequence && harmless(p[:n]) { // a longer one would depend on how it came
				g.safe = append(g.safe, p[:n]...)
				p = p[n:]
				continue
			}
			fallthrough
		case p[0] < 0x20 || p[0] == del:
			g.safe = utf8.AppendRune(g.safe, picture(p[0]))
			p = p[1:]
		case !utf8.FullRune(p) && !whole:
			return p
		default:
			r, n := utf8.DecodeRune(p)
			if r <= 0x9f && r >= 0x80 { // a control character: 0x9b is ESC [
				r = utf8.RuneError
			}
			g.safe = utf8.AppendRune(g.safe, r)
			p = p[n:]
		}
	}
	return nil
}

// plain is how many bytes at the start of p are text or move within a line.
func plain(p []byte) int {
	for i, b := range p {
		if b >= utf8.RuneSelf || b == del || b < 0x20 && b != '\n' && b != '\r' && b != '\t' && b != '\b' {
			return i
		}
	}
	return len(p)
}

// picture is the character that stands for a control character.
func picture(b byte) rune {
	if b == del {
		return '␡'
	}
	return '␀' + rune(b)
}
