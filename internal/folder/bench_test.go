//go:build unix

package folder_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// BenchmarkFolder_Life is what an execution costs that says hello: up to the start, up to
// the ending, and sealed; with a device that is waited for, and without.
func BenchmarkFolder_Life(b *testing.B) {
	for name, relaxed := range map[string]bool{"synced": false, "relaxed": true} {
		b.Run(name, func(b *testing.B) {
			s, err := folder.Open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			if relaxed {
				s.Relax()
			}
			for i := 0; b.Loop(); i++ {
				if err := liveOnce(s, fmt.Sprint(i), !relaxed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func liveOnce(s *folder.State, id string, sync bool) error {
	f, err := s.Create(id)
	if err != nil {
		return err
	}
	j := journal.New(&journal.Options{})
	j.Note(1, 1)
	path, err := f.RecordPath()
	if err := errors.Join(err, j.MoveTo(f.RecordPath, 0), j.HandOver(), f.Describe(note{"running"})); err != nil {
		return err
	}
	w, err := journal.Resume(path)
	if err != nil {
		return err
	}
	w.Append(journal.Stdout, []byte("hello\n"))
	if sync {
		err = w.Sync()
	}
	if err = errors.Join(err, f.End(note{"completed"})); err != nil {
		return err
	}
	w.Close(closing, 1)
	return errors.Join(w.Release(), j.Release(), f.Seal())
}
