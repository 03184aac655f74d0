package process

import (
	"os"
	"syscall"
)

// Terminals says whether this system has pseudo-terminals that this package can
// use.
const Terminals = false

func openTerminal(Size) (ours, theirs *os.File, err error) { return nil, nil, ErrNoTerminals }

func setSize(*os.File, Size) error { return ErrNoTerminals }

func (*input) signalFront(int, syscall.Signal) {}
