//go:build unix

package folder_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/escher-dbai/cloudops-engine/internal/folder"
)

// note is a document of these tests.
type note struct {
	Text string `json:"text"`
}

func openState(t *testing.T, dir string) *folder.State {
	t.Helper()
	s, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(t *testing.T, s *folder.State, id string) *folder.Folder {
	t.Helper()
	f, err := s.Create(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Release() })
	return f
}

func find(t *testing.T, s *folder.State, id string) *folder.Folder {
	t.Helper()
	f, err := s.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// checkError checks that an error is one that is wanted; nil wants none.
func checkError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) || want == nil && got != nil {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// An execution from its start to its ending, as who runs it and who looks see it.
func TestFolder_IsDescribedAndEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := create(t, openState(t, dir), "one")
	other := find(t, openState(t, dir), "one") // as another program has it
	var got note
	checkError(t, "a description that nobody wrote", other.Description(&got), fs.ErrNotExist)
	checkError(t, "an ending that nobody wrote", other.Ending(&got), fs.ErrNotExist)
	must(t, f.Describe(note{"starting"}))
	must(t, f.Describe(note{"running <x>"}))
	must(t, other.Description(&got))
	if got.Text != "running <x>" {
		t.Errorf("described as %q", got.Text)
	}
	checkError(t, "an ending by somebody else", other.End(note{"never"}), folder.ErrNotHeld)
	must(t, f.End(note{"completed"}))
	checkError(t, "a second ending", f.End(note{"failed"}), folder.ErrEnded)
	must(t, f.Release())
	checkError(t, "a description without the lock", f.Describe(note{"x"}), folder.ErrNotHeld)
	must(t, other.Ending(&got))
	if got.Text != "completed" || other.Sealed() {
		t.Errorf("ended as %q, sealed: %v", got.Text, other.Sealed())
	}
	path, err := other.RecordPath()
	if want := filepath.Join(dir, "active", "one", "record"); err != nil || path != want || other.Dir() != filepath.Dir(want) {
		t.Errorf("the record is at %s, %v, want %s", path, err, want)
	}
	var left []string
	entries, err := os.ReadDir(other.Dir())
	must(t, err)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if diff := cmp.Diff([]string{"ending.json", "execution.json", "lock"}, left); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestState_HasWhatWasMade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openState(t, dir)
	create(t, s, "b")
	create(t, s, "a")
	must(t, os.Mkdir(filepath.Join(dir, "active", ".new-left-behind"), 0o700))
	ids, err := openState(t, dir).Active()
	slices.Sort(ids)
	if diff := cmp.Diff([]string{"a", "b"}, ids); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	_, err = s.Create("a")
	checkError(t, "an id that is there", err, fs.ErrExist)
	_, err = s.Find("c")
	checkError(t, "an id that is not there", err, fs.ErrNotExist)
	for _, id := range []string{"", ".", "..", ".new-1", "a/b", `a\b`, "a\x00", "ä", strings.Repeat("x", 129)} {
		_, err = s.Create(id)
		checkError(t, "create "+id, err, fs.ErrInvalid)
		_, err = s.Find(id)
		checkError(t, "find "+id, err, fs.ErrNotExist)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "active"))
	if err != nil || len(entries) != 3 {
		t.Errorf("something is left of what was refused: %v, %v", entries, err)
	}
}

func TestFolder_IsRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := create(t, openState(t, dir), "one")
	other := find(t, openState(t, dir), "one")
	checkError(t, "remove one that runs", other.Remove(), folder.ErrNotHeld)
	must(t, f.Remove())
	checkError(t, "remove it again", f.Remove(), fs.ErrNotExist)
	checkError(t, "its description", other.Description(nil), fs.ErrNotExist)
	_, err := other.RecordPath()
	checkError(t, "its record", err, fs.ErrNotExist)
	if alive(t, other) || claim(t, other) {
		t.Error("it is alive, or can be claimed")
	}
	left, err := os.ReadDir(filepath.Join(dir, "active"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	must(t, create(t, openState(t, dir), "one").Remove()) // the id is free
}

func TestState_NeedsItsDirectory(t *testing.T) {
	t.Parallel()
	_, err := folder.Open(filepath.Join(t.TempDir(), "not"))
	checkError(t, "open", err, fs.ErrNotExist)
}

// What is not what was written is told from what was never written, and is never
// written over.
func TestFolder_IsDamaged(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(string) string{
		"empty":     func(string) string { return "" },
		"cut":       func(text string) string { return text[:len(text)/2] },
		"changed":   func(text string) string { return strings.Replace(text, "hello", "hallo", 1) },
		"no JSON":   func(string) string { return "hello" },
		"other":     func(string) string { return `{"text":"hello"}` },
		"backdated": func(text string) string { return strings.Replace(text, `"written_at":"2`, `"written_at":"1`, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := create(t, openState(t, t.TempDir()), "one")
			must(t, errors.Join(f.Describe(note{"hello"}), f.End(note{"hello"})))
			for _, name := range []string{"execution.json", "ending.json"} {
				change(t, filepath.Join(f.Dir(), name), damage)
			}
			var got note
			checkError(t, "description", f.Description(&got), folder.ErrDamaged)
			checkError(t, "ending", f.Ending(&got), folder.ErrDamaged)
			checkError(t, "another ending", f.End(note{"again"}), folder.ErrEnded)
			if got.Text != "" {
				t.Errorf("read %q", got.Text)
			}
		})
	}
}

func change(t *testing.T, path string, f func(string) string) {
	t.Helper()
	p, err := os.ReadFile(path)
	must(t, err)
	after := f(string(p))
	if after == string(p) {
		t.Fatalf("%s: nothing to change in %s", path, p)
	}
	must(t, os.WriteFile(path, []byte(after), 0o600))
}

// Who has handed its lock on, and holds it still, has nothing to say about a folder that
// somebody else made when the first was removed.
func TestFolder_RemovesOnlyItself(t *testing.T) {
	t.Parallel()
	s := openState(t, t.TempDir())
	first := create(t, s, "one")
	must(t, os.RemoveAll(first.Dir())) // by whoever has the lock too
	second := create(t, s, "one")
	checkError(t, "remove the first", first.Remove(), fs.ErrNotExist)
	if !alive(t, second) {
		t.Error("the second was removed")
	}
	must(t, second.Remove())
}
