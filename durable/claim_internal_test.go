//go:build unix

package durable

import (
	"context"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Whoever tidies looks at a claim, and has its lock meanwhile. Who claims waits for that.
func TestClaims_WaitForWhoLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, id := newTestClaims(t), engine.ID{1}
		looker, err := tryLock(c.path(id))
		if err != nil || looker == nil {
			t.Fatal(looker, err)
		}
		taken := make(chan error, 1)
		go func() { taken <- c.take(t.Context(), id) }()
		synctest.Wait()
		if err := unix.Flock(int(looker.Fd()), unix.LOCK_UN); err != nil { // a child of another test may have the file too
			t.Fatal(err)
		}
		if err := <-taken; err != nil {
			t.Error(err)
		}
		c.drop(id)
		if err := looker.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A guest starts what it has claimed and gives the claim up, all between a look for the
// folder, which was not there yet, and one for the claim, which is there no more. It is
// looked for again, and not taken for what nobody has started.
func TestRunner_FindsWhatAGuestStartsMeanwhile(t *testing.T) {
	t.Parallel()
	c, id := newTestClaims(t), engine.ID{1}
	if err := c.take(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	r := &runner{claims: c, find: &late{before: func() { c.drop(id) }}, wake: func() {}}
	if _, err := r.Find(t.Context(), &engine.Launch{ID: id}); err != nil {
		t.Errorf("it was started: %v", err)
	}
}

func newTestClaims(t *testing.T) *claims {
	t.Helper()
	c, err := newClaims(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// late finds what was started just after it was looked for the first time.
type late struct {
	engine.Finder

	before func() // nil: it has been looked for
}

func (l *late) Find(context.Context, *engine.Launch) (engine.Control, error) {
	if l.before == nil {
		return ended{}, nil
	}
	l.before()
	l.before = nil
	return nil, engine.ErrNotFound
}
