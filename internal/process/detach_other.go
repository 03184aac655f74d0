//go:build unix && !linux

package process

import "os"

const descriptors = "/dev/fd"

func ownProgram() (string, error) { return os.Executable() }

func nameProcess(string) {}

func awaitDetached(pid int) { reapChild(pid) }
