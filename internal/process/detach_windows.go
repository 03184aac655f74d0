package process

import (
	"errors"
	"os"
)

// Detach is not for this system.
func Detach(string, []string, *os.File) (*os.File, error) { return nil, errors.ErrUnsupported }

// IsDetached is false: there is no such process here.
func IsDetached(string) bool { return false }

// SettleDetached does nothing.
func SettleDetached(string) {}
