//go:build unix

package journal

import (
	"errors"
	"os"
)

// SyncFolder has the system write to the device which names are in a folder.
func SyncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
