package supervisor

import (
	"errors"
	"os"
)

// Sockets pass no descriptors on here, and so nothing is started.
func rightsOf([]*os.File) []byte { return nil }
func filesOf([]byte) []*os.File  { return nil }

func isOwner(os.FileInfo) bool { return true }

func logTo(string) error { return errors.ErrUnsupported }
