package process

import (
	"io/fs"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// FileMode is what os.Stat says of a file's permissions, and whether it is a
// directory, without its allocations: each command that is started is looked at.
// quick says that it was there a moment ago: then it is looked at without the runtime
// being told (see closeNow). Else that would be wrong, because whoever looks at a file
// system that does not answer waits for ever, and the whole program with him.
func FileMode(path string, quick bool) (mode fs.FileMode, err error) {
	if quick {
		if bits, ok := modeNow(path); ok {
			return fileMode(bits), nil
		}
	}
	var stat unix.Stat_t
	if err := ignoringEINTR(func() error { return unix.Stat(path, &stat) }); err != nil {
		return 0, err
	}
	return fileMode(stat.Mode), nil
}

// quickPath is how long the paths are that modeNow takes, and a NUL.
const quickPath = 256

// modeNow is not ok where it is not known: before Linux 4.11, of a long path, or when
// something is wrong.
func modeNow(path string) (bits uint32, ok bool) {
	var name [quickPath]byte
	if len(path) >= len(name) || strings.IndexByte(path, 0) >= 0 {
		return 0, false
	}
	copy(name[:], path)
	var stat unix.Statx_t
	here := unix.AT_FDCWD
	//nolint:gosec // what unix.Statx does
	_, _, errno := unix.RawSyscall6(unix.SYS_STATX, uintptr(here), uintptr(unsafe.Pointer(&name)), 0,
		unix.STATX_TYPE|unix.STATX_MODE, uintptr(unsafe.Pointer(&stat)), 0)
	return uint32(stat.Mode), errno == 0
}

func fileMode(bits uint32) fs.FileMode {
	mode := fs.FileMode(bits & 0o777)
	if bits&unix.S_IFMT == unix.S_IFDIR {
		mode |= fs.ModeDir
	}
	return mode
}
