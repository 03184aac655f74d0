//go:build !linux

package process

import (
	"io/fs"
	"os"
)

// FileMode is what os.Stat says of a file's permissions, and whether it is a
// directory.
func FileMode(path string) (fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Mode(), nil
}
