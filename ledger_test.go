package engine_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

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
