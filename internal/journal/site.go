package journal

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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

// location is a folder, or a file that a record is sealed in: a zip archive that has
// its files as they were, so that one is read where it lies.
type location struct {
	path  string
	parts map[string]part // of a sealed record; nil of a folder
}

// part is where one file is in another.
type part struct{ off, size int64 }

// SealedIn is the folder in which an archive has the files of a record: each stored,
// not compressed.
const SealedIn = "record"

// source is a file of a record, open for reading.
type source struct {
	io.ReaderAt

	file   *os.File
	sealed bool // it does not change any more
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
	l := &location{path: path}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	at, err := file.Stat()
	if err == nil && !at.IsDir() {
		err = l.unseal(file, at.Size())
	}
	return l, errors.Join(err, file.Close())
}

// unseal finds the files of a record in an archive of some size.
func (l *location) unseal(file io.ReaderAt, size int64) error {
	archive, err := zip.NewReader(file, size)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	l.parts = map[string]part{}
	for _, f := range archive.File {
		name, ours := strings.CutPrefix(f.Name, SealedIn+"/")
		if !ours || f.Method != zip.Store {
			continue
		}
		p := part{size: int64(f.UncompressedSize64)}
		if p.off, err = f.DataOffset(); err != nil {
			continue // it is damaged, and the others may be whole
		}
		if p.off >= 0 && p.size >= 0 && p.size <= size-p.off {
			l.parts[name] = p
		}
	}
	return nil
}

func (l *location) open(name string) (*source, error) {
	if l.parts == nil {
		file, err := os.Open(filepath.Join(l.path, name))
		if err != nil {
			return nil, err
		}
		return &source{ReaderAt: file, file: file}, nil
	}
	p, there := l.parts[name]
	if !there {
		return nil, fmt.Errorf("%w: %s has no %s/%s", ErrFormat, l.path, SealedIn, name)
	}
	file, err := os.Open(l.path)
	if err != nil {
		return nil, err
	}
	return &source{ReaderAt: io.NewSectionReader(file, p.off, p.size), file: file, sealed: true}, nil
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
	if errors.Is(err, fs.ErrNotExist) { // it may have been sealed since we asked
		if now, lost := s.place(); lost == nil && now != path {
			l, err = locate(now)
		}
	}
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
