package process

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// childOf reads the fields that waitid(2) fills in of the union in siginfo_t:
// pid, uid, status, which x/sys leaves opaque.
func childOf(s *unix.Siginfo) (pid, status int) {
	type child struct {
		signo, errno, code int32
		_                  [unsafe.Sizeof(uintptr(0)) - 4]byte
		pid, uid, status   int32
	}
	c := (*child)(unsafe.Pointer(s)) //nolint:gosec // the layout is the kernel's, and Siginfo is larger
	return int(c.pid), int(c.status)
}
