//go:build !linux

package process

import (
	"io/fs"
	"os"
)

// FileMode is what os.Stat says of a file's permissions, and whether it is a
// directory. quick makes no difference here.
func FileMode(path string, _ bool) (fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Mode(), nil
}
