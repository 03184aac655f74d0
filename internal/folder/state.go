package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

const (
	activeName = "active"
	sealedName = "sealed"
	slotsName  = "slots"

	lockName    = "lock"
	describedBy = "execution.json"
	endedBy     = "ending.json"
	recordName  = journal.SealedIn
	reserveName = "reserve"

	newPrefix  = ".new-"  // of a folder that is being made
	gonePrefix = ".gone-" // of one that is being removed

	reserveBytes = 16 << 10
)

// State is the part of a state directory that has the executions which were started.
// It is safe for concurrent use, by many processes.
type State struct {
	dir  string
	disk disk
}

// Open opens a state directory, which must be there, and makes in it what is missing.
func Open(dir string) (*State, error) {
	s := &State{dir: dir}
	made := false
	for _, name := range []string{activeName, sealedName, slotsName} {
		err := s.disk.mkdir(filepath.Join(dir, name))
		if made = made || err == nil; err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("open the state directory: %w", err)
		}
	}
	if made {
		if err := s.disk.sync(dir); err != nil {
			return nil, fmt.Errorf("open the state directory: %w", err)
		}
	}
	return s, nil
}

// Relax has changes from now on not wait for the device: what was acknowledged outlives
// every program, and may be gone after a crash of the machine. It is called before
// anything else is.
func (s *State) Relax() { s.disk.relaxed = true }

// Create makes the folder of an execution, with its lock held by this process. Others see
// it locked or not at all. It is on the device with the first Describe.
//
// Errors: fs.ErrExist where the execution is there, active or sealed; fs.ErrInvalid for
// an id that is no name; the system's.
func (s *State) Create(id string) (*Folder, error) {
	f, err := s.create(id)
	if err != nil {
		return nil, fmt.Errorf("make the folder of execution %s: %w", id, err)
	}
	return f, nil
}

func (s *State) create(id string) (*Folder, error) {
	if !isName(id) {
		return nil, fs.ErrInvalid
	}
	switch _, err := s.findSealed(id); {
	case err == nil:
		return nil, fs.ErrExist
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	f := &Folder{state: s, id: id}
	dir, err := os.MkdirTemp(filepath.Join(s.dir, activeName), newPrefix)
	if err = s.disk.did("mkdir", dir, "", err); err != nil {
		return nil, err
	}
	if f.lock, err = s.fill(dir); err == nil {
		err = s.disk.rename(dir, f.active())
	}
	if err != nil {
		if _, there := os.Stat(f.active()); there == nil {
			err = fs.ErrExist // which systems say in different words
		}
		return nil, errors.Join(err, f.Release(), os.RemoveAll(dir))
	}
	return f, nil
}

// fill makes what is in the folder from the beginning on, and returns the lock.
func (s *State) fill(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err = s.disk.did("write", filepath.Join(dir, lockName), "", err); err != nil {
		return nil, err
	}
	got, err := take(lock)
	if err == nil && !got {
		err = ErrNotHeld
	}
	if err == nil {
		path := filepath.Join(dir, reserveName)
		err = s.disk.did("write", path, "", os.WriteFile(path, make([]byte, reserveBytes), 0o600))
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// isName reports whether an id can be the name of a file on every system.
func isName(id string) bool {
	const most = 128
	if id == "" || len(id) > most || id[0] == '.' {
		return false
	}
	return !strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_' && r != '.'
	})
}

// Inherit is the folder of an active execution whose lock was handed on to this process,
// which must hold it.
func (s *State) Inherit(id string, lock *os.File) (*Folder, error) {
	f := &Folder{state: s, id: id}
	err := fs.ErrInvalid
	if isName(id) {
		err = f.inherit(lock)
	}
	if err != nil {
		return nil, fmt.Errorf("inherit execution %s: %w", id, err)
	}
	f.lock = lock
	return f, nil
}

// Find finds an execution, active or sealed, without taking its lock.
//
// Errors: fs.ErrNotExist, and the system's.
func (s *State) Find(id string) (*Folder, error) {
	f := &Folder{state: s, id: id}
	if !isName(id) {
		return nil, fmt.Errorf("find execution %q: %w", id, fs.ErrNotExist)
	}
	if _, _, err := f.locate(); err != nil {
		return nil, fmt.Errorf("find execution %s: %w", id, err)
	}
	return f, nil
}

// Active returns the ids of all executions that are not sealed, in no order.
func (s *State) Active() (ids []string, err error) {
	all, err := os.ReadDir(filepath.Join(s.dir, activeName))
	if err != nil {
		return nil, fmt.Errorf("list executions: %w", err)
	}
	for _, e := range all {
		if e.IsDir() && isName(e.Name()) {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// findSealed returns the file that an execution is sealed in.
func (s *State) findSealed(id string) (string, error) {
	days, err := os.ReadDir(filepath.Join(s.dir, sealedName))
	if err != nil {
		return "", err
	}
	for _, day := range slices.Backward(days) { // by name: the newest first
		path := filepath.Join(s.dir, sealedName, day.Name(), id+sealedSuffix)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fs.ErrNotExist
}
