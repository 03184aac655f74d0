package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const sealedSuffix = ".zip"

// Folder is one execution on disk. It is safe for concurrent use; what changes it
// needs the lock of an active one to be held.
type Folder struct {
	state *State
	id    string

	mu     sync.Mutex
	lock   *os.File // nil: not held here
	synced bool     // its name is on the device, as far as this process saw to it
	sealed string   // the file it is sealed in; empty while it is active, as far as is known
}

// ID is the name of the execution.
func (f *Folder) ID() string { return f.id }

// Relaxed reports whether changes of it do not wait for the device. See [State.Relax].
func (f *Folder) Relaxed() bool { return f.state.disk.relaxed }

func (f *Folder) active() string { return filepath.Join(f.state.dir, activeName, f.id) }

// Dir is where it is now: the folder of an active one, the file of a sealed one. It may
// be sealed the next moment, where its lock is not held.
func (f *Folder) Dir() string {
	path, _, err := f.locate()
	if err != nil {
		return f.active()
	}
	return path
}

// Sealed reports whether it is finished and in one file.
func (f *Folder) Sealed() bool {
	_, sealed, err := f.locate()
	return err == nil && sealed
}

// RecordPath is where its record is, for package journal: it is a journal.Place. The
// record of an active one may not be there yet.
//
// Errors: fs.ErrNotExist where the execution is gone.
func (f *Folder) RecordPath() (string, error) {
	path, sealed, err := f.locate()
	if err == nil && !sealed {
		path = filepath.Join(path, recordName)
	}
	return path, err
}

// locate returns where it is, and whether it is sealed. The folder counts as long as
// it is there.
func (f *Folder) locate() (path string, sealed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sealed != "" {
		return f.sealed, true, nil
	}
	if _, err = os.Stat(f.active()); err == nil {
		return f.active(), false, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		f.sealed, err = f.state.findSealed(f.id)
	}
	return f.sealed, true, err
}

// Describe writes what is known of the execution, as JSON, in the place of what was
// written before.
//
// Errors: [ErrNotHeld], and the system's; what was written before then stays.
func (f *Folder) Describe(v any) error {
	if err := f.put(describedBy, v); err != nil {
		return fmt.Errorf("describe execution %s: %w", f.id, err)
	}
	return nil
}

// Description reads what Describe wrote.
//
// Errors: fs.ErrNotExist where nothing was, [ErrDamaged], [ErrVersion], the system's.
func (f *Folder) Description(v any) error {
	if err := f.get(describedBy, v); err != nil {
		return fmt.Errorf("read the description of execution %s: %w", f.id, err)
	}
	return nil
}

// End writes how the execution ended, as JSON, once and for all. Output that is to be
// there after a crash of the machine is synced before (journal.Sync). There is room
// for an ending of 16 KiB where the disk is full.
//
// Errors: [ErrEnded], [ErrNotHeld], and the system's, after which Ending tells what is
// there: this one as a whole, or none.
func (f *Folder) End(v any) error {
	if err := f.end(v); err != nil {
		return fmt.Errorf("write the ending of execution %s: %w", f.id, err)
	}
	return nil
}

func (f *Folder) end(v any) error {
	switch _, err := os.Lstat(filepath.Join(f.active(), endedBy)); {
	case err == nil || f.Sealed():
		return ErrEnded
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	reserve := filepath.Join(f.active(), reserveName)
	err := f.put(endedBy, v)
	if errors.Is(err, syscall.ENOSPC) && f.state.disk.remove(reserve) == nil {
		return f.put(endedBy, v)
	}
	if err == nil {
		_ = f.state.disk.remove(reserve) // what stays goes with the folder
	}
	return err
}

// Ending reads what End wrote.
//
// Errors: fs.ErrNotExist where nothing was, [ErrDamaged], [ErrVersion], the system's.
func (f *Folder) Ending(v any) error {
	if err := f.get(endedBy, v); err != nil {
		return fmt.Errorf("read the ending of execution %s: %w", f.id, err)
	}
	return nil
}

// put writes a document of an active execution, and with the first one has the device
// have the folder: who wrote others before may have been killed in between.
func (f *Folder) put(name string, v any) error {
	if f.Lock() == nil {
		return ErrNotHeld
	}
	p, err := encode(v, time.Now())
	if err != nil {
		return err
	}
	err = f.state.disk.replace(filepath.Join(f.active(), name), p)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && !f.synced {
		err = f.state.disk.sync(filepath.Dir(f.active()))
		f.synced = err == nil
	}
	return err
}

// get reads a document.
func (f *Folder) get(name string, v any) error {
	p, err := f.read(name)
	if err != nil {
		return err
	}
	_, err = decode(p, v)
	return err
}

// read reads a file, wherever the execution is.
func (f *Folder) read(name string) ([]byte, error) {
	path, sealed, err := f.locate()
	if err != nil {
		return nil, err
	}
	if sealed {
		return readSealed(path, name)
	}
	p, err := os.ReadFile(filepath.Join(path, name))
	if !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	if path, sealed, now := f.locate(); sealed && now == nil { // since a moment
		return readSealed(path, name)
	}
	return nil, err
}

// Remove removes an execution and all that is known of it: a sealed one, or an
// active one whose lock is held, which is given back.
//
// Errors: [ErrNotHeld], fs.ErrNotExist also where another was made in its place, and the
// system's.
func (f *Folder) Remove() error {
	if err := f.remove(); err != nil {
		return fmt.Errorf("remove execution %s: %w", f.id, err)
	}
	return nil
}

func (f *Folder) remove() error {
	path, sealed, err := f.locate()
	switch {
	case err != nil:
		return err
	case sealed:
		return errors.Join(f.state.disk.remove(path), missing(f.state.disk.sync(filepath.Dir(path))))
	case f.Lock() == nil:
		return ErrNotHeld
	}
	switch ours, err := names(f.lockPath(), f.Lock()); { // whoever it was handed on to may have removed it
	case err != nil:
		return err
	case !ours:
		return fs.ErrNotExist
	}
	return errors.Join(f.state.disk.removeAll(path), f.Release())
}
