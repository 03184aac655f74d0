package ansi

import "slices"

const (
	esc = 0x1b
	bel = 0x07
	del = 0x7f

	// maxSequence is how long a sequence may be that a Guard waits for. Real ones have
	// a few parameters.
	maxSequence = 64
)

// sequence returns how long the escape sequence at the start of p is: 0 if that is
// not known yet. One that is malformed ends before what does not belong to it.
func sequence(p []byte) int {
	if len(p) < 2 {
		return 0
	}
	switch p[1] {
	case '[':
		return control(p)
	case ']', 'P', 'X', '^', '_':
		return text(p)
	}
	for i := 1; i < len(p); i++ {
		if p[i] < 0x20 || p[i] > 0x2f { // ' ' to '/' come before the last byte
			if p[i] < 0x20 || p[i] >= del {
				return i
			}
			return i + 1
		}
	}
	return 0
}

// control is the length of ESC [ parameters and a last byte.
func control(p []byte) int {
	for i := 2; i < len(p); i++ {
		switch {
		case p[i] >= 0x40 && p[i] < del:
			return i + 1
		case p[i] < 0x20 || p[i] >= del:
			return i
		}
	}
	return 0
}

// text is the length of a sequence that has a text in it (title, clipboard, link),
// up to BEL or ESC \.
func text(p []byte) int {
	for i := 2; i < len(p); i++ {
		switch {
		case p[i] == bel:
			return i + 1
		case p[i] == esc && i+1 < len(p):
			if p[i+1] == '\\' {
				return i + 2
			}
			return i
		}
	}
	return 0
}

// harmless reports whether a whole sequence colours text or moves within the line:
// to a column, left and right, and erasing in it.
func harmless(p []byte) bool {
	if len(p) < 3 || p[1] != '[' {
		return false
	}
	parameters, last := p[2:len(p)-1], p[len(p)-1]
	for _, b := range parameters {
		if (b < '0' || b > '9') && b != ';' && b != ':' {
			return false
		}
	}
	switch last {
	case 'C', 'D', 'G', 'K':
		return true
	case 'm':
		return !conceals(parameters)
	}
	return false
}

// conceals reports whether SGR parameters hide text: 8, where it is not part of a
// colour (38;5;8).
func conceals(parameters []byte) bool {
	var values []int
	value := 0
	for _, b := range append(slices.Clip(parameters), ';') {
		if b < '0' || b > '9' {
			values = append(values, value)
			value = 0
			continue
		}
		value = min(10*value+int(b-'0'), 1<<10)
	}
	for i := 0; i < len(values); i++ {
		switch values[i] {
		case 8:
			return true
		case 38, 48, 58:
			if i+1 < len(values) {
				i += map[int]int{5: 2, 2: 4}[values[i+1]]
			}
		}
	}
	return false
}
