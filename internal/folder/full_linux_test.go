package folder_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/folder"
)

// smallDisk is a disk that can be filled, and what fills it.
func smallDisk(t *testing.T) (dir string, fill func() (undo func())) {
	t.Helper()
	if os.Getenv("CLOUDOPS_TEST_ROOT") != "1" {
		t.Skip("needs root: CLOUDOPS_TEST_ROOT=1")
	}
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
		t.Skip("cannot mount: ", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir, func() (undo func()) {
		ballast := filepath.Join(dir, "ballast")
		err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600)
		checkError(t, "fill the disk", err, syscall.ENOSPC)
		return func() { must(t, os.Remove(ballast)) }
	}
}

// holds checks what is in the documents of an execution, and that nothing incomplete is
// on its disk.
func holds(t *testing.T, dir string, f *folder.Folder, description, ending string) {
	t.Helper()
	var described, ended note
	must(t, f.Description(&described))
	if err := f.Ending(&ended); err != nil && (ending != "" || !errors.Is(err, fs.ErrNotExist)) {
		t.Error(err)
	}
	if described.Text != description || ended.Text != ending {
		t.Errorf("%s is %q and ended %q, want %q and %q", f.ID(), described.Text, ended.Text, description, ending)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", "*", "*.new"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// RES-02: on a full disk nothing that was acknowledged goes. An ending has its room.
func TestFolder_RES02_DiskIsFull(t *testing.T) {
	dir, fill := smallDisk(t)
	s := openState(t, dir)
	one, two := create(t, s, "one"), create(t, s, "two")
	must(t, errors.Join(one.Describe(note{"running"}), two.Describe(note{"running"})))
	j := record(t, one, 0, []byte("hello\n"), []byte("oops\n"))
	undo := fill()

	_, err := s.Create("three")
	checkError(t, "create", err, syscall.ENOSPC)
	_, err = s.Find("three")
	checkError(t, "find what was not created", err, fs.ErrNotExist)
	checkError(t, "describe", one.Describe(note{strings.Repeat("x", 10_000)}), syscall.ENOSPC)
	holds(t, dir, one, "running", "")

	must(t, one.End(note{"completed"})) // there is room for it
	j.Close(closing, 2)                 // and for this
	must(t, j.Release())
	holds(t, dir, one, "running", "completed")
	fill() // what the ending did not need
	checkError(t, "seal", one.Seal(), syscall.ENOSPC)
	holds(t, dir, one, "running", "completed")
	if one.Sealed() || one.Lock() == nil {
		t.Error("it is sealed, or its lock is gone")
	}

	large := note{strings.Repeat("x", 64<<10)}
	checkError(t, "an ending that is too large", two.End(large), syscall.ENOSPC)
	holds(t, dir, two, "running", "")

	undo()
	must(t, errors.Join(two.End(note{"failed"}), one.Seal(), one.Check(), two.Seal(), two.Check()))
	holds(t, dir, one, "running", "completed")
	holds(t, dir, two, "running", "failed")
	if left, err := os.ReadDir(filepath.Join(dir, "active")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	must(t, create(t, s, "three").Remove())
}
