package journal

import (
	"errors"
	"os"
	"strings"
)

// Sync has the system write to the device what it has not yet: what is in the record by
// now is there after a crash of the machine.
func (j *Journal) Sync() error {
	d := j.disk.Load()
	if d == nil {
		return nil
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.index == nil {
		return nil
	}
	dir := d.files.site.now.Load().path
	all, err := os.ReadDir(dir)
	errs := []error{err}
	for _, e := range all {
		if d.unsynced(e.Name()) {
			errs = append(errs, ignoreMissing(syncFile(d.files.in(e.Name()))))
		}
	}
	errs = append(errs, d.index.Sync(), SyncFolder(dir))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	d.synced = true
	for s := range d.bytes {
		d.bytes[s].synced = d.bytes[s].number
	}
	return nil
}

// unsynced reports whether a file has bytes of a stream, and may have changed since the
// last time: they are written one after another.
func (d *disk) unsynced(name string) bool {
	for s := range Stream(streams) {
		if strings.HasPrefix(name, s.String()+".") {
			return name >= nameOf(s, d.bytes[s].synced) || len(name) > len(nameOf(s, 0))
		}
	}
	return false
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
