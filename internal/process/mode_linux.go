package process

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// FileMode is what os.Stat says of a file's permissions, and whether it is a
// directory, without its allocations: each command that is started is looked at.
func FileMode(path string) (fs.FileMode, error) {
	var stat unix.Stat_t
	if err := ignoringEINTR(func() error { return unix.Stat(path, &stat) }); err != nil {
		return 0, err
	}
	mode := fs.FileMode(stat.Mode & 0o777)
	if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		mode |= fs.ModeDir
	}
	return mode, nil
}
