package cli

import (
	"context"
	"errors"
	"os"
)

// sizeSignals are none: the engine refuses terminals on Windows.
func sizeSignals() []os.Signal { return []os.Signal{os.Interrupt} }

func isResize(os.Signal) bool { return false }

// keys would read a terminal.
type keys struct{}

func newKeys(context.Context, *os.File) (*keys, error) {
	return nil, errors.New("there is no terminal on this system")
}

func (*keys) close() {}

// Read reads nothing.
func (*keys) Read([]byte) (int, error) { return 0, os.ErrClosed }
