package journal

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
)

// Place says where a record on disk is: its folder, or the file that it is sealed
// in. It is asked when the record is opened, and again when it is not there any more,
// because somebody sealed it: cursors and waiting readers stay. It is called by
// whoever reads, several at once, who hold no lock of the journal.
type Place func() (path string, err error)

// At is the place of a record that stays where it is.
func At(path string) Place { return func() (string, error) { return path, nil } }

// site is where a record is now.
type site struct {
	place Place // nil: it stays
	now   atomic.Pointer[location]
}

// location is a folder.
type location struct {
	path string
}

// source is a file of a record, open for reading.
type source struct {
	io.ReaderAt

	file *os.File
}

func (s *source) close() error { return s.file.Close() }

// is reports whether a path leads to this file still.
func (s *source) is(path string) bool {
	now, err := os.Stat(path)
	if err != nil {
		return false
	}
	opened, err := s.file.Stat()
	return err == nil && os.SameFile(opened, now)
}

func locate(path string) (*location, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	return &location{path: path}, nil
}

func (l *location) open(name string) (*source, error) {
	file, err := os.Open(filepath.Join(l.path, name))
	if err != nil {
		return nil, err
	}
	return &source{ReaderAt: file, file: file}, nil
}

// find asks where the record is, and reports whether it is where it was not before.
func (s *site) find() (moved bool, err error) {
	path, err := s.place()
	if err != nil {
		return false, err
	}
	before := s.now.Load()
	if before != nil && before.path == path {
		return false, nil
	}
	l, err := locate(path)
	if err != nil {
		return false, err
	}
	s.now.Store(l)
	return true, nil
}

// open opens a file of the record for reading, wherever that is by now.
func (s *site) open(name string) (*source, error) {
	file, err := s.now.Load().open(name)
	if s.place == nil || !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	if moved, lost := s.find(); lost != nil || !moved {
		return file, errors.Join(err, lost)
	}
	return s.now.Load().open(name)
}
