package process

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls here never wait, so that the runtime is not told of them. Telling it
// costs little by itself; but the first call after a pause, in which everything
// waited for a command, wakes the thread that watches over system calls which take
// long (sysmon), and that looks every few microseconds until the next pause: a tenth
// of what a short command costs. Whoever is called here keeps the P.

// closeNow closes a descriptor of a pipe, a pidfd, a terminal or a cgroup.
func closeNow(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

func closeAll(fds ...int) {
	for _, fd := range fds {
		closeNow(fd)
	}
}

// readNow reads from a descriptor that does not block. buffer is not empty.
func readNow(fd int, buffer []byte) (int, error) {
	//nolint:gosec // what unix.Read does
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)))
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// headNow reads the beginning of a file that the kernel makes up.
func headNow(fd int, buffer []byte) (int, error) {
	//nolint:gosec // what unix.Pread does
	n, _, errno := unix.RawSyscall6(unix.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)), 0, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// unblock makes reads of a pipe return at once.
func unblock(fd int) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_SETFL, unix.O_NONBLOCK); errno != 0 {
		return errno
	}
	return nil
}

// eventsNow returns what has happened to the descriptors of an epoll descriptor.
func eventsNow(epoll int, events []unix.EpollEvent) (int, error) {
	//nolint:gosec // what unix.EpollWait does
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// dupNow makes a number that is open stand for what another does, closed by exec.
func dupNow(from, to int) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_DUP3, uintptr(from), uintptr(to), unix.O_CLOEXEC); errno != 0 {
		return errno
	}
	return nil
}

// exitNow looks at how a child has ended, if it has, and leaves it a zombie.
func exitNow(pid int, status *unix.Siginfo, usage *unix.Rusage) error {
	//nolint:gosec // what unix.Waitid does
	_, _, errno := unix.RawSyscall6(unix.SYS_WAITID, unix.P_PID, uintptr(pid), uintptr(unsafe.Pointer(status)),
		unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, uintptr(unsafe.Pointer(usage)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// reapNow reaps a zombie, and reports whether it was one.
func reapNow(pid int) bool {
	reaped, _, errno := unix.RawSyscall6(unix.SYS_WAIT4, uintptr(pid), 0, unix.WNOHANG, 0, 0, 0)
	return errno == 0 && int(reaped) == pid
}
