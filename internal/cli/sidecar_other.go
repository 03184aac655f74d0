//go:build unix && !linux

package cli

import "golang.org/x/sys/unix"

// openProcess is not to be had: processes are looked for.
func openProcess(int) (int, error) { return -1, unix.ENOSYS }
