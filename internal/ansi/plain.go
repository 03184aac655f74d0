package ansi

import "bytes"

// Plain returns what is text in a line: without escape sequences and control
// characters, and where carriage returns had it written again, as a progress bar
// does, the last that was written. Bytes that are no UTF-8 stay. What has nothing
// of this is returned itself.
func Plain(line []byte) []byte {
	line = lastWritten(line)
	if bytes.IndexFunc(line, isControl) < 0 {
		return line
	}
	text := make([]byte, 0, len(line))
	for len(line) > 0 {
		switch b := line[0]; {
		case b == esc:
			n := sequence(line)
			if n == 0 {
				return text // it has no end
			}
			line = line[n:]
			continue
		case b == '\t' || b >= 0x20 && b != del:
			text = append(text, b)
		}
		line = line[1:]
	}
	return text
}

// lastWritten is what stands behind the last carriage return that has something
// behind it.
func lastWritten(line []byte) []byte {
	line = bytes.TrimRight(line, "\r")
	return line[bytes.LastIndexByte(line, '\r')+1:]
}

func isControl(r rune) bool { return r < 0x20 && r != '\t' || r == del }
