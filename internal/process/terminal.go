package process

import "errors"

// Size is that of a terminal, in characters.
type Size struct{ Rows, Cols uint16 }

// ErrNoTerminals is returned by Start where this system has no pseudo-terminals.
var ErrNoTerminals = errors.New("there is no pseudo-terminal on this system")

// ErrNoTerminal is returned by Resize for a process without one.
var ErrNoTerminal = errors.New("the process has no terminal")
