package sidecar

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// errTooLong is a frame above the limit, which was passed over.
var errTooLong = errors.New("the frame is too long")

// frames reads lines that have something on them.
type frames struct {
	in    *bufio.Reader
	limit int
	line  []byte
}

func newFrames(in io.Reader, limit int) *frames {
	return &frames{in: bufio.NewReaderSize(in, 64<<10), limit: limit}
}

// next returns the next frame, which is good until it is called again. A last line needs
// no end. Errors: errTooLong, after which it goes on; the reader's, after which it does not.
func (f *frames) next() ([]byte, error) {
	for {
		line, err := f.read()
		if err != nil {
			return nil, err
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
	}
}

// read reads one line, and of one that is too long to its end.
func (f *frames) read() ([]byte, error) {
	if cap(f.line) > 64<<10 { // one that was large is not kept for all that are small
		f.line = nil
	}
	f.line = f.line[:0]
	tooLong := false
	for {
		piece, err := f.in.ReadSlice('\n')
		if tooLong = tooLong || len(f.line)+len(piece) > f.limit+len("\r\n"); !tooLong {
			f.line = append(f.line, piece...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && (!errors.Is(err, io.EOF) || len(f.line) == 0 && !tooLong):
			return nil, err
		case tooLong || len(bytes.TrimSuffix(bytes.TrimSuffix(f.line, []byte("\n")), []byte("\r"))) > f.limit:
			return nil, errTooLong
		}
		return f.line, nil
	}
}

// escape has none of what others take for the end of a line inside a frame, and JSON does not
// escape. It can stand in strings alone.
func escape(frame []byte) []byte {
	for _, s := range [...]struct{ is, escape string }{{"\u2028", `\u2028`}, {"\u2029", `\u2029`}, {"\u0085", `\u0085`}} {
		if bytes.Contains(frame, []byte(s.is)) {
			frame = bytes.ReplaceAll(frame, []byte(s.is), []byte(s.escape))
		}
	}
	return frame
}
