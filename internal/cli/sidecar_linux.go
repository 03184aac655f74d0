package cli

import "golang.org/x/sys/unix"

// openProcess is a descriptor that can be read when a process has ended, whoever has its
// number by then. Errors: ESRCH, and ENOSYS before Linux 5.3.
func openProcess(pid int) (int, error) { return unix.PidfdOpen(pid, 0) }
