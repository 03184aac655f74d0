package engine_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Two programs follow an execution from its queue, and both note that it runs. Who comes
// second has nothing to tell anybody.
func TestEngine_IsNotTheOnlyOneToNoteAStart(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	store := &shared{MemoryStore: engine.NewMemoryStore()}
	e, err := engine.New(engine.Config{Store: store, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	id, err := e.Execute(t.Context(), engine.Request{Command: engine.Shell("true")})
	if err == nil {
		_, err = e.Wait(t.Context(), id)
	}
	if err := errors.Join(err, e.Shutdown(t.Context())); err != nil {
		t.Fatal(err)
	}
	if store.before == 0 {
		t.Error("nobody was quicker")
	}
	if text := log.String(); text != "" {
		t.Errorf("logged:\n%s", text)
	}
}

// A start is in the store together with what follows it soon: an execution that is short
// takes one write of two, and the first output of another does not meet it at the disk. What
// runs for longer is known to run.
func TestEngine_NotesAStartWithWhatFollows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &counting{MemoryStore: engine.NewMemoryStore()}
		e, _ := scripted(t, engine.Config{Store: store}, nil)
		do(t, e, play("ok"))
		synctest.Wait()
		if n := store.notes.Load(); n != 1 {
			t.Errorf("one that ended at once took %d writes, want 1", n)
		}
		id := start(t, e, play("hang"))
		synctest.Wait()
		if r, err := store.Get(t.Context(), id); err != nil || r.Execution.Status != engine.Pending {
			t.Errorf("it was noted before anything could follow: %v, %v", r.Execution.Status, err)
		}
		pass(time.Second)
		if r, err := store.Get(t.Context(), id); err != nil || r.Execution.Status != engine.Running {
			t.Errorf("the store has it as %v after a second: %v", r.Execution.Status, err)
		}
		second := start(t, e, play("hang"))
		synctest.Wait()
		if err := e.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if r, err := store.Get(t.Context(), second); err != nil || r.Execution.Status != engine.Running {
			t.Errorf("the store has it as %v behind a flush: %v", r.Execution.Status, err)
		}
	})
}

// counting is a store that counts its writes.
type counting struct {
	*engine.MemoryStore

	notes atomic.Int64
}

func (s *counting) Note(ctx context.Context, changes ...engine.Change) error {
	s.notes.Add(1)
	return s.MemoryStore.Note(ctx, changes...)
}

// shared is a store in which somebody else notes each start first.
type shared struct {
	*engine.MemoryStore

	before int
}

func (s *shared) Note(ctx context.Context, changes ...engine.Change) error {
	for _, c := range changes {
		if c.Status == engine.Running {
			s.before++
			if err := s.MemoryStore.Note(ctx, c); err != nil {
				return err
			}
		}
	}
	return s.MemoryStore.Note(ctx, changes...)
}
