package folder

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Budget bounds what sealed executions take. Zero values do not bound.
type Budget struct {
	Bytes int64         // of all together
	Age   time.Duration // since the ending
}

// sealedFile is an execution in one file.
type sealedFile struct {
	id, day, path string
	size          int64
	ended         time.Time
}

// Trim removes sealed executions that a budget has no room for, those that ended first
// before others, and what crashes left of folders and files that never were complete. It
// returns the ids of what it removed, also with an error. Active executions stay,
// and do not count.
func (s *State) Trim(b Budget) (removed []string, err error) {
	all, err := s.sealedFiles()
	if err != nil {
		return nil, fmt.Errorf("trim executions: %w", err)
	}
	total := int64(0)
	for _, f := range all {
		total += f.size
	}
	var errs []error
	days := map[string]bool{}
	for _, f := range all {
		old := b.Age > 0 && time.Since(f.ended) > b.Age
		if large := b.Bytes > 0 && total > b.Bytes; !old && !large {
			continue
		}
		if err := missing(s.disk.remove(f.path)); err != nil {
			errs = append(errs, err)
			continue
		}
		total -= f.size
		removed = append(removed, f.id)
		days[filepath.Dir(f.path)] = true
	}
	for day := range days {
		_ = os.Remove(day) // unless there is another in it
	}
	errs = append(errs, s.sweep())
	if err := errors.Join(errs...); err != nil {
		return removed, fmt.Errorf("trim executions: %w", err)
	}
	return removed, nil
}

// Sealed returns all sealed executions, those that ended first before others.
func (s *State) Sealed() ([]*Folder, error) {
	files, err := s.sealedFiles()
	if err != nil {
		return nil, fmt.Errorf("list sealed executions: %w", err)
	}
	all := make([]*Folder, len(files))
	for i, f := range files {
		all[i] = &Folder{state: s, id: f.id, sealed: f.path}
	}
	return all, nil
}

// sealedFiles lists them by their ending.
func (s *State) sealedFiles() (all []sealedFile, err error) {
	err = s.eachInDays(func(day, path string, e fs.DirEntry) error {
		id, sealed := strings.CutSuffix(e.Name(), sealedSuffix)
		if !sealed {
			return nil
		}
		at, err := e.Info()
		if err == nil {
			all = append(all, sealedFile{id: id, day: day, path: path, size: at.Size(), ended: at.ModTime()})
		}
		return missing(err)
	})
	slices.SortFunc(all, func(a, b sealedFile) int {
		return cmp.Or(cmp.Compare(a.day, b.day), a.ended.Compare(b.ended), cmp.Compare(a.id, b.id))
	})
	return all, err
}

// eachInDays calls f for all files in the folders of days.
func (s *State) eachInDays(f func(day, path string, e fs.DirEntry) error) error {
	root := filepath.Join(s.dir, sealedName)
	days, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for _, day := range days {
		in := filepath.Join(root, day.Name())
		files, err := os.ReadDir(in)
		if missing(err) != nil {
			return err
		}
		for _, e := range files {
			if err := f(day.Name(), filepath.Join(in, e.Name()), e); err != nil {
				return err
			}
		}
	}
	return nil
}

// abandoned is how old something is that was never completed and that nobody completes
// any more: making it takes moments.
const abandoned = time.Hour

// sweep removes what crashes left.
func (s *State) sweep() error {
	old := func(e fs.DirEntry) bool {
		at, err := e.Info()
		return err == nil && time.Since(at.ModTime()) > abandoned
	}
	root := filepath.Join(s.dir, activeName)
	folders, err := os.ReadDir(root)
	errs := []error{err}
	for _, e := range folders {
		name := e.Name()
		if strings.HasPrefix(name, gonePrefix) || strings.HasPrefix(name, newPrefix) && old(e) {
			errs = append(errs, os.RemoveAll(filepath.Join(root, name)))
		}
	}
	errs = append(errs, s.eachInDays(func(_, path string, e fs.DirEntry) error {
		if !strings.HasSuffix(path, partial) || !old(e) {
			return nil
		}
		return missing(os.Remove(path))
	}))
	return errors.Join(errs...)
}
