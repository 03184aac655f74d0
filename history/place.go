package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	engine "github.com/escher-dbai/cloudops-engine"
)

// The files of a history. SQLite adds databaseName-wal and databaseName-shm.
const (
	databaseName = "history.db"
	keyName      = "history.key"
	lockName     = "history.lock"
	suspectName  = "history.db.suspect" // there: something was read that was not written
)

// preparePlace makes the directory where there is none, and refuses one that others
// can write to or look into.
func preparePlace(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	at, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !at.IsDir() {
		return fmt.Errorf("%w: %s is not a directory", ErrUnsafe, dir)
	}
	if err := private(dir, at, 0o700); err != nil {
		return err
	}
	if kind, err := networkFileSystem(dir); err != nil || kind != "" {
		if err != nil {
			return fmt.Errorf("look at the file system of %s: %w", dir, err)
		}
		return engine.Advise(fmt.Errorf("%w: %s is on %s", ErrUnsafe, dir, kind),
			"keep the history on a local disk: locks and syncs cannot be relied on over a network")
	}
	for _, name := range []string{databaseName, databaseName + "-wal", databaseName + "-shm", keyName, lockName} {
		if err := privateFile(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// privateFile checks a file that may be there.
func privateFile(path string) error {
	at, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !at.Mode().IsRegular():
		return fmt.Errorf("%w: %s is not a regular file", ErrUnsafe, path)
	}
	return private(path, at, 0o600)
}

// private refuses what others own or may use.
func private(path string, at fs.FileInfo, mode fs.FileMode) error {
	if owner, ours := ownerOf(at); !ours {
		return engine.Advise(fmt.Errorf("%w: %s belongs to user %d", ErrUnsafe, path, owner),
			"use a directory of your own, or run as the user who owns it")
	}
	if runtime.GOOS != "windows" && at.Mode().Perm()&0o077 != 0 {
		return engine.Advise(fmt.Errorf("%w: %s has mode %04o, others can use it", ErrUnsafe, path, at.Mode().Perm()),
			"chmod %o %s", mode, path)
	}
	return nil
}

// createFile makes an empty file of ours alone where there is none.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	return errors.Join(f.Close(), syncDir(filepath.Dir(path)))
}

// syncDir makes names in a directory survive a loss of power.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // a directory cannot be synced there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
