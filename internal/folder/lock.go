package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Lock is the open file whose lock is held, to hand on to another process; nil where
// it is not held here.
func (f *Folder) Lock() *os.File {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lock
}

// Alive reports whether somebody holds the lock, which may be this process. It does not
// take it. One that is sealed, or gone, is not alive.
func (f *Folder) Alive() (bool, error) {
	if f.Lock() != nil {
		return true, nil
	}
	lock, err := os.OpenFile(f.lockPath(), os.O_RDWR, 0)
	if err != nil {
		return false, missing(err)
	}
	alive, err := taken(lock)
	return alive, errors.Join(err, lock.Close())
}

// Claim takes the lock of an execution that nobody runs, and reports whether it got
// it: false means that somebody has it, or that it is sealed or gone.
func (f *Folder) Claim() (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lock != nil {
		return true, nil
	}
	lock, err := os.OpenFile(f.lockPath(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, missing(err)
	}
	got, err := take(lock)
	if err == nil && got {
		// Whoever had it before may have sealed it: then this is a file without a name.
		got, err = names(f.lockPath(), lock)
	}
	if err != nil || !got {
		return false, errors.Join(err, lock.Close())
	}
	f.lock = lock
	return true, nil
}

// names reports whether a path leads to an open file.
func names(path string, file *os.File) (bool, error) {
	at, err := os.Stat(path)
	if err != nil {
		return false, missing(err)
	}
	opened, err := file.Stat()
	return err == nil && os.SameFile(at, opened), err
}

// Release gives the lock back, for whoever it was handed on to as well.
func (f *Folder) Release() error { return f.letGo(giveBack) }

// Leave closes the lock here. Whoever it was handed on to goes on holding it.
func (f *Folder) Leave() error { return f.letGo(func(*os.File) error { return nil }) }

func (f *Folder) letGo(first func(*os.File) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lock == nil {
		return nil
	}
	err := errors.Join(first(f.lock), f.lock.Close())
	f.lock = nil
	return err
}

func (f *Folder) lockPath() string { return filepath.Join(f.active(), lockName) }

// Slot takes a free one of n slots, for an execution that runs. Closing the file, in
// every process that has it, gives it back.
//
// Errors: [ErrNoSlot], and the system's.
func (s *State) Slot(n int) (*os.File, error) {
	for i := range n {
		f, err := os.OpenFile(filepath.Join(s.dir, slotsName, fmt.Sprint(i)), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("take a slot: %w", err)
		}
		got, err := take(f)
		if got {
			return f, nil
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("take a slot: %w", err)
		}
	}
	return nil, fmt.Errorf("take one of %d slots: %w", n, ErrNoSlot)
}

// inherit checks that a lock is that of the folder, and held.
func (f *Folder) inherit(lock *os.File) error {
	same, err := names(f.lockPath(), lock)
	if err == nil && !same {
		err = fmt.Errorf("%s: %w", f.lockPath(), fs.ErrNotExist)
	}
	if err == nil {
		same, err = take(lock) // which who holds it may do again
	}
	if err == nil && !same {
		err = ErrNotHeld
	}
	return err
}
