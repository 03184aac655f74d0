package supervisor

import "os"

// Sockets pass no descriptors on here, and so nothing is started.
func rightsOf([]*os.File) []byte { return nil }
func filesOf([]byte) []*os.File  { return nil }
