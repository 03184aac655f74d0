//go:build unix

package folder_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// storeVariable is the version that TestStored stores a directory of, once, when the
// format changes; what is stored never changes.
const storeVariable = "FOLDER_TEST_STORE"

// What programs of all versions have stored, this one reads, and goes on with.
func TestStored_OpensForEver(t *testing.T) {
	t.Parallel()
	if version := os.Getenv(storeVariable); version != "" {
		store(t, filepath.Join("testdata", "version"+version))
	}
	versions, err := filepath.Glob("testdata/version*")
	if err != nil || len(versions) == 0 {
		t.Fatalf("nothing is stored: %v", err)
	}
	for _, version := range versions {
		t.Run(filepath.Base(version), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			must(t, os.CopyFS(dir, os.DirFS(version)))
			s := openState(t, dir)
			one, two := find(t, s, "active"), find(t, s, "sealed")
			if one.Sealed() || !two.Sealed() || alive(t, one) {
				t.Errorf("sealed: %v and %v, alive: %v", one.Sealed(), two.Sealed(), alive(t, one))
			}
			checkStored(t, two)
			got, err := two.Digest(journal.Stdout)
			want := folder.Digest{SHA256: "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03", Bytes: 6}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("digest: %v (-want +got):\n%s", err, diff)
			}
			if left := one.Ending(nil); !errors.Is(left, fs.ErrNotExist) || !claim(t, one) {
				t.Errorf("what was left: %v", left)
			}
			path, err := one.RecordPath()
			must(t, err)
			j, err := journal.Resume(path)
			must(t, err)
			j.Append(journal.Stderr, []byte("oops\n"))
			must(t, one.End(note{"ended"}))
			j.Close(closing, 2)
			must(t, errors.Join(j.Err(), j.Release(), one.Seal()))
			checkStored(t, one)
		})
	}
}

// checkStored checks what each version stored.
func checkStored(t *testing.T, f *folder.Folder) {
	t.Helper()
	var described, ended note
	must(t, errors.Join(f.Description(&described), f.Ending(&ended), f.Check()))
	j, err := journal.OpenAt(f.RecordPath)
	must(t, err)
	got := fmt.Sprintf("%s, %s: %s", described.Text, ended.Text, contents(j))
	if want := "described, ended: <2 1 1>hello\noops\n<2 9 2>"; got != want || !j.Closed() {
		t.Errorf("%s: got %q, want %q", f.ID(), got, want)
	}
	must(t, j.Release())
}

// store makes a directory with one execution that is active and one that is sealed.
func store(t *testing.T, dir string) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o750))
	s := openState(t, dir)
	for _, id := range []string{"active", "sealed"} {
		f := create(t, s, id)
		must(t, f.Describe(note{"described"}))
		j := record(t, f, 0, []byte("hello\n"), nil)
		if id == "sealed" {
			j.Append(journal.Stderr, []byte("oops\n"))
			must(t, f.End(note{"ended"}))
			j.Close(closing, 2)
			must(t, f.Seal())
		}
		must(t, j.Release())
	}
	must(t, os.Remove(filepath.Join(dir, "slots")))
}
