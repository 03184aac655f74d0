package ansi

import (
	"bytes"
	"io"
)

// maxText is how much of a line a Text holds; of a longer one it makes text piece by
// piece.
const maxText = 1 << 20

// Text is a writer that passes on what [Plain] makes of each line, when the line has
// ended: of a progress bar the last that it showed. Flush gives out a last line without
// end. It is for one goroutine at a time.
type Text struct {
	out  io.Writer
	held []byte
	text []byte
}

// NewText returns a writer of text.
func NewText(out io.Writer) *Text { return &Text{out: out} }

// Write passes on the lines that p ends. It returns the error of the writer behind.
func (t *Text) Write(p []byte) (int, error) {
	t.text = t.text[:0]
	for rest := p; len(rest) > 0; {
		n := bytes.IndexByte(rest, '\n')
		if n < 0 {
			t.held = append(t.held, rest...)
			break
		}
		line := rest[:n]
		if len(t.held) > 0 {
			t.held = append(t.held, line...)
			line = t.held
		}
		t.text = append(append(t.text, Plain(line)...), '\n')
		t.held, rest = t.held[:0], rest[n+1:]
	}
	if len(t.held) > maxText {
		t.text = append(t.text, Plain(t.held)...)
		t.held = t.held[:0]
	}
	return len(p), t.pass()
}

// Flush passes on what is held, and flushes a [Guard] behind.
func (t *Text) Flush() error {
	t.text = append(t.text[:0], Plain(t.held)...)
	t.held = t.held[:0]
	if err := t.pass(); err != nil {
		return err
	}
	if g, ok := t.out.(*Guard); ok {
		return g.Flush()
	}
	return nil
}

func (t *Text) pass() error {
	if len(t.text) == 0 {
		return nil
	}
	_, err := t.out.Write(t.text)
	return err
}
