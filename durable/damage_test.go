package durable_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
	"github.com/escher-dbai/cloudops-engine/history"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
)

// accept has the history of a directory that nobody has open know an execution, as a
// program leaves it that was killed before it started it, or just after.
func accept(t *testing.T, dir string, id engine.ID, status engine.Status) {
	t.Helper()
	s, err := history.Open(t.Context(), dir, history.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := shell("echo ran")
	r.ID = id
	a, err := engine.NewAcceptance(r, time.Now(), func(text string) string { return text })
	if err == nil {
		_, err = s.Accept(t.Context(), a)
	}
	if err == nil && status == engine.Running {
		err = s.Note(t.Context(), engine.Change{ID: id, Status: status, At: time.Now()})
	}
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
}

// folders are those of a directory.
func folders(t *testing.T, dir string) *folder.State {
	t.Helper()
	s, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A folder that is damaged costs its execution. The directory is opened, what is wrong
// is said, and everything else goes on.
func TestOpen_LeavesADamagedFolderAlone(t *testing.T) {
	t.Parallel()
	dir := place(t)
	shut(t, open(t, dir, durable.Config{})) // makes it
	broken, waits := engine.ID{1}, engine.ID{2}
	accept(t, dir, broken, engine.Running)
	accept(t, dir, waits, engine.Pending)
	f, err := folders(t, dir).Create(broken.String())
	if err == nil {
		err = errors.Join(f.Describe(struct{}{}), f.End(engine.Ending{Cause: engine.CauseExit}), f.Release())
	}
	ending := filepath.Join(dir, "active", broken.String(), "ending.json")
	if err = errors.Join(err, os.WriteFile(ending, []byte("scribbled over"), 0o600)); err != nil {
		t.Fatal(err)
	}
	e := open(t, dir, durable.Config{})
	if found := e.Report(); !slices.Equal(found.Damaged, []string{broken.String()}) || found.Queued != 1 || found.Unknown != 1 {
		t.Errorf("found %+v", found)
	}
	if r := wait(t, e, waits); r.Stdout != "ran\n" {
		t.Errorf("%+v", r)
	}
	if x, err := e.Get(t.Context(), broken); !errors.Is(err, folder.ErrDamaged) {
		t.Errorf("it is said to be %s, %v", x.Status, err)
	}
	if rec, err := e.Record(t.Context(), broken); err != nil || rec.Execution.Status != engine.Lost {
		t.Errorf("the history says that it is %s, %v", rec.Execution.Status, err)
	}
	if text, err := os.ReadFile(ending); string(text) != "scribbled over" {
		t.Errorf("it was changed: %q, %v", text, err)
	}
}

// A guest was killed while it withdrew what waited in a queue. Nobody was told that it is
// withdrawn: it waits again.
func TestOpen_TakesUpWhatWasHalfWithdrawn(t *testing.T) {
	t.Parallel()
	dir, id := place(t), engine.ID{3}
	shut(t, open(t, dir, durable.Config{}))
	accept(t, dir, id, engine.Pending)
	f, err := folders(t, dir).Create(id.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Describe(struct{}{}), f.Release()); err != nil {
		t.Fatal(err)
	}
	e := open(t, dir, durable.Config{})
	if r := wait(t, e, id); r.Stdout != "ran\n" {
		t.Errorf("it ended as %s: %s", r.Status, r.Error)
	}
}

// A guest was killed between the acceptance of a request and its start. Whoever opens the
// directory next has it be lost, and nothing of the claim is left.
func TestOpen_EndsWhatAGuestHasLeft(t *testing.T) {
	t.Parallel()
	for _, status := range []engine.Status{engine.Pending, engine.Running} {
		dir, id := place(t), engine.ID{4}
		shut(t, open(t, dir, durable.Config{}))
		accept(t, dir, id, status)
		claim := filepath.Join(dir, "claims", id.String())
		if err := os.WriteFile(claim, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		e := open(t, dir, durable.Config{Guest: true})
		p, err := e.List(t.Context(), engine.Filter{Status: []engine.Status{engine.Lost}})
		if err != nil || len(p.Executions) != 1 {
			t.Errorf("%s: lost is %+v, %v", status, p.Executions, err)
		}
		if _, err := os.Lstat(claim); err == nil {
			t.Errorf("%s: the claim is left", status)
		}
	}
}
