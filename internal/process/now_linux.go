package process

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The poller's calls cannot wait: they look, or take what is there. They are made
// without a word to the runtime's scheduler. It would wake its monitoring thread with
// the first call after a silence, before the call is made, which on a virtual machine
// is a third of the way of a line from the pipe to its reader.

// waitNow is EpollWait for what is ready already.
func waitNow(fd int, events []unix.EpollEvent) (int, error) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0) //nolint:gosec // as EpollWait does
	return count(n, errno)
}

// readNow reads a descriptor that does not block.
func readNow(fd int, p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p))) //nolint:gosec // as Read does
	return count(n, errno)
}

func count(n uintptr, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
