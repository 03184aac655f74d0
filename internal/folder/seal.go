package folder

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Seal makes one file of an execution that has ended, and whose record is closed: an
// archive that has its files as they are, so that its record is read where it lies. It
// gives the lock back. Wherever it is interrupted, the execution is there, and Seal can
// be called again. Of a sealed one it does nothing.
//
// Errors: [ErrNotHeld], fs.ErrNotExist where there is no ending, [ErrDamaged] of the
// ending, [ErrRecordOpen], and the system's. It is then what it was before.
func (f *Folder) Seal() error {
	if err := f.seal(); err != nil {
		return fmt.Errorf("seal execution %s: %w", f.id, err)
	}
	return nil
}

func (f *Folder) seal() error {
	from, sealed, err := f.locate()
	switch {
	case err != nil || sealed:
		return err
	case f.Lock() == nil:
		return ErrNotHeld
	}
	p, err := os.ReadFile(filepath.Join(from, endedBy))
	if err != nil {
		return err
	}
	ending, err := decode(p, nil)
	if err != nil {
		return err
	}
	found, err := digest(filepath.Join(from, recordName))
	if err != nil {
		return err
	}
	to, err := f.state.archive(f.id, from, found, ending.WrittenAt)
	if err == nil {
		err = f.state.disk.removeAll(from)
	}
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.sealed = to
	f.mu.Unlock()
	return f.Release()
}

// archive writes the one file, as a whole or not at all, and returns where.
func (s *State) archive(id, from string, found *digests, ended time.Time) (path string, err error) {
	day := filepath.Join(s.dir, sealedName, ended.UTC().Format(time.DateOnly))
	path = filepath.Join(day, id+sealedSuffix)
	file, err := s.createIn(day, path+partial)
	if err != nil {
		return "", err
	}
	w := archiver{zip: zip.NewWriter(file), ended: ended}
	w.folder(from)
	w.file(sealName, func(to io.Writer) error {
		p, err := encode(&seal{Files: w.names, digests: *found}, ended)
		if err == nil {
			_, err = to.Write(p)
		}
		return err
	})
	err = errors.Join(w.err, w.zip.Close())
	if err = s.disk.finish(file, err); err == nil {
		err = os.Chtimes(path+partial, ended, ended) // what Trim goes by
	}
	if err == nil {
		err = s.disk.rename(path+partial, path)
	}
	if err != nil {
		return "", errors.Join(err, missing(os.Remove(path+partial)))
	}
	return path, errors.Join(s.disk.sync(day), s.disk.sync(filepath.Dir(day)))
}

// createIn makes a file in the folder of a day, which may go, as long as it is empty.
func (s *State) createIn(day, path string) (file *os.File, err error) {
	const attempts = 3
	for range attempts {
		if err = s.disk.mkdir(day); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return file, err
}

// archiver adds files to an archive. After the first error it does nothing.
type archiver struct {
	zip   *zip.Writer
	ended time.Time
	names []string
	err   error
}

func (w *archiver) file(name string, write func(io.Writer) error) {
	if w.err != nil {
		return
	}
	to, err := w.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: w.ended})
	if err == nil {
		err = write(to)
	}
	w.names, w.err = append(w.names, name), err
}

// folder adds what is in a folder of an active execution, and is to stay.
func (w *archiver) folder(from string) {
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil || name == lockName || e.Name() == reserveName || strings.HasSuffix(name, partial) {
			return err
		}
		w.file(filepath.ToSlash(name), func(to io.Writer) error { return copyTo(to, path) })
		return w.err
	})
	w.err = errors.Join(w.err, err)
}

func copyTo(to io.Writer, path string) error {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, from.Close())
}
