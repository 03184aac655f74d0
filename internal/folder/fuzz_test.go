//go:build unix

package folder_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// FuzzSealed reads files that may be no sealed executions: as damaged, and as nothing else.
func FuzzSealed(f *testing.F) {
	stored, err := filepath.Glob("testdata/version*/sealed/*/*.zip")
	if err != nil || len(stored) == 0 {
		f.Fatal("nothing is stored: ", err)
	}
	for _, path := range stored {
		p, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p)
		f.Add(p[:len(p)/2])
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		dir := t.TempDir()
		s := openState(t, dir)
		day := filepath.Join(dir, "sealed", "2026-11-23")
		must(t, os.Mkdir(day, 0o700))
		must(t, os.WriteFile(filepath.Join(day, "one.zip"), p, 0o600))
		one := find(t, s, "one")
		for _, read := range []func(any) error{one.Description, one.Ending} {
			var n note
			switch err := read(&n); {
			case err == nil, errors.Is(err, folder.ErrDamaged), errors.Is(err, folder.ErrVersion):
			case errors.Is(err, fs.ErrNotExist): // where its seal says so
			default:
				if n.Text != "" {
					t.Errorf("%+v, %v", n, err)
				}
			}
		}
		_ = one.Check()
		j, err := journal.OpenAt(one.RecordPath)
		if err != nil {
			if !errors.Is(err, journal.ErrFormat) {
				t.Error(err)
			}
			return
		}
		if _ = contents(j); !j.Closed() {
			t.Error("who reads it waits for ever")
		}
		must(t, j.Release())
	})
}
