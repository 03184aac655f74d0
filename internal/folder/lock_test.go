//go:build unix

package folder_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/folder"
)

func alive(t *testing.T, f *folder.Folder) bool {
	t.Helper()
	is, err := f.Alive()
	must(t, err)
	return is
}

func claim(t *testing.T, f *folder.Folder) bool {
	t.Helper()
	got, err := f.Claim()
	must(t, err)
	return got
}

// Locked means alive: nobody else gets it, and who looks does not disturb.
func TestFolder_IsAliveWhileItIsLocked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := create(t, openState(t, dir), "one")
	other := find(t, openState(t, dir), "one")
	if !alive(t, f) || !alive(t, other) || claim(t, other) {
		t.Error("it is locked, and not alive, or was claimed")
	}
	must(t, f.Release())
	if alive(t, f) || alive(t, other) {
		t.Error("it was released, and is alive")
	}
	if !claim(t, other) || claim(t, f) || !alive(t, f) {
		t.Error("it is not whose it was claimed by")
	}
	if !claim(t, other) {
		t.Error("who has it is refused")
	}
	must(t, other.Release())
	must(t, other.Release())
}

// The open file goes from one process to another. There is no moment between in which
// nobody has the lock.
func TestFolder_LockIsHandedOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	engine := create(t, openState(t, dir), "one")
	there, err := syscall.Dup(int(engine.Lock().Fd())) // as a process has it that was started with it
	must(t, err)
	supervisor, err := openState(t, dir).Inherit("one", os.NewFile(uintptr(there), "lock"))
	must(t, err)
	must(t, engine.Leave())
	if engine.Lock() != nil || !alive(t, engine) || claim(t, engine) {
		t.Error("the engine took the lock with it")
	}
	must(t, supervisor.Describe(note{"mine"}))
	must(t, supervisor.Release())
	if alive(t, engine) {
		t.Error("it is alive, and nobody has it")
	}
}

func TestState_InheritsOnlyWhatIsHeld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openState(t, dir)
	f := create(t, s, "one")
	lock, err := os.Open(filepath.Join(f.Dir(), "lock"))
	must(t, err)
	t.Cleanup(func() { _ = lock.Close() })
	_, err = s.Inherit("one", lock)
	checkError(t, "a lock that another has", err, folder.ErrNotHeld)
	create(t, s, "two")
	_, err = s.Inherit("two", f.Lock())
	checkError(t, "the lock of another execution", err, fs.ErrNotExist)
	_, err = s.Inherit("three", f.Lock())
	checkError(t, "an execution that is not there", err, fs.ErrNotExist)
}

// However many claim it while others look, one gets it.
func TestFolder_IsClaimedOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 50 {
		id := fmt.Sprint(round)
		must(t, create(t, openState(t, dir), id).Release())
		var claimed atomic.Int32
		var group sync.WaitGroup
		for i := range 8 {
			f := find(t, openState(t, dir), id)
			group.Go(func() {
				if i%2 == 0 {
					if _, err := f.Alive(); err != nil {
						t.Error(err)
					}
					return
				}
				if got, err := f.Claim(); err != nil {
					t.Error(err)
				} else if got {
					claimed.Add(1)
					t.Cleanup(func() { _ = f.Release() })
				}
			})
		}
		group.Wait()
		if n := claimed.Load(); n != 1 {
			t.Fatalf("%d have it", n)
		}
	}
}

func TestState_HasSlots(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	here, there := openState(t, dir), openState(t, dir)
	var held []*os.File
	for i := range 3 {
		s := []*folder.State{here, there}[i%2]
		slot, err := s.Slot(3)
		must(t, err)
		held = append(held, slot)
	}
	for range 2 {
		_, err := there.Slot(3)
		checkError(t, "a fourth of three", err, folder.ErrNoSlot)
	}
	must(t, held[1].Close())
	slot, err := here.Slot(3)
	must(t, err)
	more, err := here.Slot(4) // a larger limit
	must(t, err)
	_, err = here.Slot(0)
	checkError(t, "one of none", err, folder.ErrNoSlot)
	for _, f := range []*os.File{held[0], held[2], slot, more} {
		must(t, f.Close())
	}
}
