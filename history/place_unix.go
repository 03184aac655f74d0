//go:build unix

package history

import (
	"io/fs"
	"os"
	"syscall"
)

// ownerOf returns who owns a file, and whether that is us.
func ownerOf(at fs.FileInfo) (uid uint32, ours bool) {
	s, ok := at.Sys().(*syscall.Stat_t)
	return s.Uid, ok && int(s.Uid) == os.Geteuid()
}
