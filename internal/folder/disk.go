package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

const partial = ".new" // ends the name of what is not complete yet

// disk is what all changes are made by, one step after another.
type disk struct {
	relaxed bool                        // the device gets what it gets
	trace   func(step, path, to string) // for tests: what was done
}

func (d *disk) did(step, path, to string, err error) error {
	if err == nil && d.trace != nil {
		d.trace(step, path, to)
	}
	return err
}

func (d *disk) mkdir(path string) error { return d.did("mkdir", path, "", os.Mkdir(path, 0o700)) }

func (d *disk) rename(from, to string) error { return d.did("rename", from, to, os.Rename(from, to)) }

func (d *disk) remove(path string) error { return d.did("remove", path, "", os.Remove(path)) }

// sync has the device have the names that are in a folder.
func (d *disk) sync(dir string) error {
	if d.relaxed {
		return nil
	}
	return d.did("sync", dir, "", journal.SyncFolder(dir))
}

// write makes a file, or makes it anew, and has the device have it.
func (d *disk) write(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return d.finish(f, err)
}

// finish has the device have a file that was written, and closes it.
func (d *disk) finish(f *os.File, err error) error {
	if err = d.did("write", f.Name(), "", err); err == nil && !d.relaxed {
		err = d.did("sync", f.Name(), "", f.Sync())
	}
	return errors.Join(err, f.Close())
}

// replace puts a file in the place of another, as a whole.
func (d *disk) replace(path string, content []byte) error {
	err := d.write(path+partial, content)
	if err == nil {
		err = d.rename(path+partial, path)
	}
	if err != nil {
		return errors.Join(err, missing(os.Remove(path+partial)))
	}
	return d.sync(filepath.Dir(path))
}

// removeAll removes a folder of active executions: first its name, so that nobody
// sees what is left of it.
func (d *disk) removeAll(path string) error {
	gone := filepath.Join(filepath.Dir(path), gonePrefix+filepath.Base(path))
	err := os.RemoveAll(gone)
	if err == nil {
		err = d.rename(path, gone)
	}
	if err == nil {
		err = d.sync(filepath.Dir(path))
	}
	if err != nil {
		return err
	}
	return d.did("remove", gone, "", os.RemoveAll(gone))
}

// missing makes no error of what is not there.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
