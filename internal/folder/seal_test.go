//go:build unix

package folder_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// closing is the code of the last note in these tests.
const closing = 9

// record makes the record of an execution, with this output.
func record(t *testing.T, f *folder.Folder, keep int64, out, errs []byte) *journal.Journal {
	t.Helper()
	path, err := f.RecordPath()
	must(t, err)
	j, err := journal.Create(path, keep)
	must(t, err)
	j.Note(1, 1)
	for p := range bytes.SplitAfterSeq(out, []byte("\n")) {
		j.Append(journal.Stdout, p)
	}
	j.Append(journal.Stderr, errs)
	return j
}

// finished is an execution that has ended and is not sealed.
func finished(t *testing.T, s *folder.State, id string, out []byte) *folder.Folder {
	t.Helper()
	f := create(t, s, id)
	must(t, f.Describe(note{"described"}))
	j := record(t, f, 0, out, []byte("oops\n"))
	must(t, errors.Join(j.Sync(), f.End(note{"ended " + id})))
	j.Close(closing, 2)
	must(t, errors.Join(j.Err(), j.Release()))
	return f
}

// contents is all output and all notes, as text.
func contents(j *journal.Journal) string {
	var text string
	buf := make([]journal.Record, 8)
	for at := int64(0); ; {
		n, next, _ := j.TryRead(at, buf)
		if n == 0 {
			return text
		}
		at = next
		for _, r := range buf[:n] {
			if text += string(r.Data); r.Kind != journal.Output {
				text += fmt.Sprintf("<%d %d %d>", r.Kind, r.Code, r.Width)
			}
		}
	}
}

func TestFolder_IsSealed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openState(t, dir)
	f := finished(t, s, "one", []byte("first\nsecond\n"))
	other := find(t, openState(t, dir), "one") // found while it was active
	path, err := f.RecordPath()
	must(t, err)
	open, err := journal.Open(path)
	must(t, err)
	before := contents(open)
	must(t, open.Release())

	must(t, f.Seal())
	day := time.Now().UTC().Format(time.DateOnly)
	if want := filepath.Join(dir, "sealed", day, "one.zip"); f.Dir() != want || other.Dir() != want || !other.Sealed() {
		t.Errorf("it is in %s and %s, want %s", f.Dir(), other.Dir(), want)
	}
	if ids, err := s.Active(); err != nil || len(ids) > 0 || f.Lock() != nil || alive(t, other) || claim(t, other) {
		t.Errorf("active: %v, %v, or somebody has its lock", ids, err)
	}
	for _, f := range []*folder.Folder{f, other, find(t, s, "one")} {
		var described, ended note
		must(t, errors.Join(f.Description(&described), f.Ending(&ended), f.Check()))
		if described.Text != "described" || ended.Text != "ended one" {
			t.Errorf("read %q and %q", described, ended)
		}
		j, err := journal.OpenAt(f.RecordPath)
		must(t, err)
		if diff := cmp.Diff(before, contents(j)); diff != "" || !j.Closed() {
			t.Errorf("closed: %v (-want +got):\n%s", j.Closed(), diff)
		}
		must(t, j.Release())
		got, err := f.Digest(journal.Stdout)
		want := folder.Digest{SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte("first\nsecond\n"))), Bytes: 13}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	must(t, other.Seal())
	checkError(t, "another ending", other.End(note{"again"}), folder.ErrEnded)
	_, err = s.Create("one")
	checkError(t, "the same id", err, fs.ErrExist)
}

// A person can look into it with any program for archives.
func TestFolder_SealedIsAnArchive(t *testing.T) {
	t.Parallel()
	f := finished(t, openState(t, t.TempDir()), "one", []byte("hello\n"))
	must(t, os.WriteFile(filepath.Join(f.Dir(), "supervisor.log"), []byte("a panic\n"), 0o600))
	must(t, f.Seal())
	archive, err := zip.OpenReader(f.Dir())
	must(t, err)
	t.Cleanup(func() { _ = archive.Close() })
	got := map[string]string{}
	for _, file := range archive.File {
		r, err := file.Open()
		must(t, err)
		p, err := io.ReadAll(r)
		must(t, err)
		got[file.Name] = string(p)
		if file.Method != zip.Store {
			t.Errorf("%s is compressed", file.Name)
		}
	}
	var names []string
	for _, name := range []string{
		"execution.json", "ending.json", "sealed.json", "supervisor.log", "record/index", "record/stdout.000000", "record/stderr.000000",
	} {
		if _, there := got[name]; !there {
			names = append(names, name)
		}
	}
	if len(names) > 0 || len(got) != 7 || got["record/stdout.000000"] != "hello\n" || got["supervisor.log"] != "a panic\n" {
		t.Errorf("%v are missing, or other things are there: %q", names, got)
	}
}

// Who reads a record goes on when it is sealed, without being told.
func TestFolder_IsSealedWhileItIsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openState(t, dir)
	out := bytes.Repeat([]byte("0123456789abcde\n"), 40_000) // more than what is in memory
	f := finished(t, s, "one", out)
	reader, late := journal.New(&journal.Options{}), journal.New(&journal.Options{})
	other := find(t, openState(t, dir), "one")
	must(t, errors.Join(reader.Follow(other.RecordPath), late.Follow(other.RecordPath)))
	must(t, f.Seal())
	for who, j := range map[string]*journal.Journal{"one that knows the end": reader, "one that looks again": late} {
		if j == late {
			_, err := j.Refresh()
			must(t, err)
		}
		head, tail := j.Kept(journal.Stdout)
		if !bytes.Equal(out, head) || tail != nil || !j.Closed() {
			t.Errorf("%s has %d bytes, want %d", who, len(head), len(out))
		}
		must(t, j.Release())
	}
}

// A reader that had seen half of it follows it into the archive.
func TestFolder_IsSealedBetweenTwoLooks(t *testing.T) {
	t.Parallel()
	s := openState(t, t.TempDir())
	f := create(t, s, "one")
	w := record(t, f, 0, []byte("first\n"), nil)
	j := journal.New(&journal.Options{})
	must(t, j.Follow(find(t, s, "one").RecordPath))
	w.Append(journal.Stdout, []byte("second\n"))
	must(t, f.End(note{"completed"}))
	w.Close(closing, 1)
	must(t, errors.Join(w.Release(), f.Seal()))
	more, err := j.Refresh()
	if want := "<2 1 1>first\nsecond\n<2 9 1>"; contents(j) != want || !more || err != nil {
		t.Errorf("got %q, %v, %v, want %q", contents(j), more, err, want)
	}
	more, err = j.Refresh()
	if more || err != nil || j.Release() != nil {
		t.Errorf("there is more of what is sealed: %v, %v", more, err)
	}
}

// However many read it at that moment, all get all.
func TestFolder_IsSealedUnderReaders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openState(t, dir)
	f := create(t, s, "one")
	w := record(t, f, 0, nil, nil)
	var readers sync.WaitGroup
	line := bytes.Repeat([]byte("0123456789abcde\n"), 1000)
	for range 4 {
		j := journal.New(&journal.Options{})
		must(t, j.Follow(find(t, openState(t, dir), "one").RecordPath))
		readers.Go(func() {
			for !j.Closed() {
				if _, err := j.Refresh(); err != nil {
					t.Error(err)
					return
				}
			}
			if head, tail := j.Kept(journal.Stdout); !bytes.Equal(head, bytes.Repeat(line, 50)) || tail != nil {
				t.Errorf("%d bytes, want %d", len(head), 50*len(line))
			}
			if err := j.Release(); err != nil {
				t.Error(err)
			}
		})
	}
	for range 50 {
		w.Append(journal.Stdout, line)
	}
	must(t, f.End(note{"completed"}))
	w.Close(closing, 1)
	must(t, errors.Join(w.Release(), f.Seal()))
	readers.Wait()
}

// A bound leaves gaps: what there is, is what the digest is of.
func TestFolder_SealsABoundedRecord(t *testing.T) {
	t.Parallel()
	f := create(t, openState(t, t.TempDir()), "one")
	out := bytes.Repeat([]byte("0123456789abcde\n"), 100_000)
	j := record(t, f, 256<<10, out, nil)
	head, tail := j.Kept(journal.Stdout)
	must(t, f.End(note{"completed"}))
	j.Close(closing, 1)
	must(t, errors.Join(j.Release(), f.Seal(), f.Check()))
	got, err := f.Digest(journal.Stdout)
	kept := append(bytes.Clone(head), tail...)
	want := folder.Digest{SHA256: fmt.Sprintf("%x", sha256.Sum256(kept)), Bytes: int64(len(kept)), Omitted: int64(len(out) - len(kept))}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || len(tail) == 0 {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// What cannot be sealed is what it was.
func TestFolder_CannotBeSealed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before func(t *testing.T, f *folder.Folder)
		want   error
	}{
		"no ending": {func(*testing.T, *folder.Folder) {}, fs.ErrNotExist},
		"no lock": {func(t *testing.T, f *folder.Folder) {
			t.Helper()
			must(t, errors.Join(f.End(note{}), f.Release()))
		}, folder.ErrNotHeld},
		"an ending that is damaged": {func(t *testing.T, f *folder.Folder) {
			t.Helper()
			must(t, os.WriteFile(filepath.Join(f.Dir(), "ending.json"), []byte("{"), 0o600))
		}, folder.ErrDamaged},
		"a record that goes on": {func(t *testing.T, f *folder.Folder) {
			t.Helper()
			must(t, errors.Join(f.End(note{}), record(t, f, 0, []byte("x"), nil).Release()))
		}, folder.ErrRecordOpen},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := create(t, openState(t, t.TempDir()), "one")
			test.before(t, f)
			checkError(t, "seal", f.Seal(), test.want)
			if _, err := os.Stat(f.Dir()); err != nil || f.Sealed() {
				t.Errorf("it is not where it was: %v", err)
			}
		})
	}
}

// What is left of a record that nobody can read is kept, and so is one that never was.
func TestFolder_SealsWhatThereIs(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(dir string) error{
		"nothing recorded": func(string) error { return nil },
		"an index without a header": func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, "record"), 0o700), os.WriteFile(filepath.Join(dir, "record", "index"), []byte("x"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := create(t, openState(t, t.TempDir()), "one")
			must(t, errors.Join(prepare(f.Dir()), f.End(note{"lost"}), f.Seal(), f.Check()))
			var got note
			must(t, f.Ending(&got))
			checkError(t, "its description", f.Description(nil), fs.ErrNotExist)
			_, err := f.Digest(journal.Stdout)
			checkError(t, "its digest", err, fs.ErrNotExist)
			_, err = journal.OpenAt(f.RecordPath)
			checkError(t, "its record", err, journal.ErrFormat)
		})
	}
}

// Age and size: the oldest go first, and what runs stays.
func TestState_IsTrimmed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := openState(t, t.TempDir())
		create(t, s, "active")
		for i := range 6 {
			must(t, finished(t, s, fmt.Sprint(i), bytes.Repeat([]byte("x"), 10_000)).Seal())
			<-time.After(5 * time.Hour) // so that two days have some
		}
		trim := func(b folder.Budget, want ...string) {
			t.Helper()
			got, err := s.Trim(b)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%+v: %v (-want +got):\n%s", b, err, diff)
			}
		}
		trim(folder.Budget{})
		trim(folder.Budget{Age: 26 * time.Hour, Bytes: 1 << 20}, "0")
		trim(folder.Budget{Bytes: 50_000}, "1")
		trim(folder.Budget{Bytes: 50_000})
		trim(folder.Budget{Bytes: 25_000}, "2", "3")
		_, err := s.Find("3")
		checkError(t, "one that was removed", err, fs.ErrNotExist)
		left, err := s.Sealed()
		if err != nil || len(left) != 2 || left[0].ID() != "4" || left[1].Check() != nil {
			t.Errorf("left: %v, %v", left, err)
		}
		trim(folder.Budget{Age: time.Nanosecond}, "4", "5")
		if ids, err := s.Active(); err != nil || len(ids) != 1 {
			t.Errorf("active: %v, %v", ids, err)
		}
	})
}

// CRASH-09: what a crash left in the middle of making, sealing or removing one is swept away,
// when it is sure that nobody goes on with it.
func TestState_IsSwept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openState(t, dir)
	must(t, finished(t, s, "one", nil).Seal())
	day := filepath.Dir(find(t, s, "one").Dir())
	fresh, old, gone := filepath.Join(dir, "active", ".new-1"), filepath.Join(dir, "active", ".new-2"), filepath.Join(dir, "active", ".gone-3")
	for _, path := range []string{fresh, old, gone} {
		must(t, os.Mkdir(path, 0o700))
	}
	half := filepath.Join(day, "two.zip.new")
	must(t, os.WriteFile(half, nil, 0o600))
	long := time.Now().Add(-2 * time.Hour)
	must(t, errors.Join(os.Chtimes(old, long, long), os.Chtimes(half, long, long)))
	if removed, err := s.Trim(folder.Budget{}); err != nil || len(removed) > 0 {
		t.Errorf("removed %v, %v", removed, err)
	}
	for path, want := range map[string]bool{fresh: true, old: false, gone: false, half: false, find(t, s, "one").Dir(): true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", path, err == nil, want)
		}
	}
}
