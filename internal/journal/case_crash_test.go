package journal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// zeros are what a loss of power leaves where the end of a file was to be.
func zeros() []byte { return make([]byte, 4096) }

// CRASH-06: zeros between two entries of the index are passed over, and cost nothing.
func TestDisk_CRASH06_ZerosBeforeARecord(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "record")
	m := small(t, dir)
	path := filepath.Join(dir, "index")
	index, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := headerSize; at < len(index); at += slotSize {
		if err := os.WriteFile(path, slices.Concat(index[:at], zeros(), index[at:]), 0o600); err != nil {
			t.Fatal(err)
		}
		opened, err := journal.Open(dir)
		j := must(t, opened, err)
		m.check(t, j, 0)
		if err := j.Release(); err != nil {
			t.Error(err)
		}
	}
}

// CRASH-06: who takes a record over whose files end in zeros goes on behind what is true of
// it. Bytes that are zeros are a gap of their exact size; an entry that is none says nothing.
func TestDisk_CRASH06_NewRecordsAfterZeros(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		at   func(size int64) int64 // where the zeros begin
		want string
	}{
		"behind the index":      {"index", func(size int64) int64 { return size }, `0 "before\n" 7, 2 "" 1, 0 "the end\n" 8, `},
		"in place of an entry":  {"index", func(size int64) int64 { return size - slotSize }, `0 "before\n" 7, 2 "" 1, `},
		"behind the bytes":      {"stdout.000000", func(size int64) int64 { return size }, `0 "before\n" 7, 2 "" 1, 0 "the end\n" 8, `},
		"in place of a segment": {"stdout.000000", func(int64) int64 { return 0 }, `1 "" 7, 2 "" 1, 1 "" 8, `},
		"in place of its end":   {"stdout.000000", func(size int64) int64 { return size - 4 }, `1 "" 7, 2 "" 1, 1 "" 8, `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "record")
			created, err := journal.Create(dir, 0)
			j := must(t, created, err)
			j.Append(journal.Stdout, []byte("before\n"))
			j.Note(1, 1) // ends the run
			j.Append(journal.Stdout, []byte("the end\n"))
			path := filepath.Join(dir, c.file)
			file, err := os.Stat(path)
			if err := errors.Join(err, j.Release()); err != nil {
				t.Fatal(err)
			}
			overwrite(t, path, c.at(file.Size()), zeros())
			resumed, err := journal.Resume(dir)
			w := must(t, resumed, err)
			w.Append(journal.Stdout, []byte("after\n"))
			w.Close(9, 1)
			opened, err := journal.Open(dir)
			for who, j := range map[string]*journal.Journal{"writer": w, "reader": must(t, opened, err)} {
				if got, want := shown(j), c.want+`0 "after\n" 6, 2 "" 1, `; got != want {
					t.Errorf("the %s reads %s, want %s", who, got, want)
				}
				if err := errors.Join(j.Err(), j.Release()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// shown is what is read of a record: kind, bytes and width of each.
func shown(j *journal.Journal) (text string) {
	for _, r := range readAll(j, 0) {
		text += fmt.Sprintf("%d %q %d, ", r.Kind, r.Data, r.Width)
	}
	return text
}
