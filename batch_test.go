package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Each of several requests is on its own, and they run in their order, whoever keeps them.
func TestExecuteBatch_TakesEachOnItsOwn(t *testing.T) {
	t.Parallel()
	for what, store := range map[string]engine.Store{"no store": nil, "a store": engine.NewMemoryStore(), "a BatchStore": &batchStore{Store: engine.NewMemoryStore()}} {
		e, r := scripted(t, engine.Config{MaxConcurrent: 1, MaxQueued: 8, Store: store}, nil)
		first := start(t, e, play("hang"))
		known := play("ok")
		known.ID = engine.ID{1}
		other := play("fail")
		other.ID = known.ID
		invalid := play("ok")
		invalid.Timeout = -time.Second
		got := e.ExecuteBatch(t.Context(), []engine.Request{play("ok"), invalid, known, other, known, play("fail"), play("ok")})
		want := []error{nil, engine.ErrInvalid, nil, engine.ErrConflict, nil, nil, nil}
		for i, o := range e.ExecuteBatch(t.Context(), slices.Repeat([]engine.Request{play("ok")}, 6)) {
			got = append(got, o)
			if want = append(want, nil); i >= 4 {
				want[len(want)-1] = engine.ErrQueueFull
			}
		}
		var order []engine.ID
		for i, o := range got {
			if !errors.Is(o.Err, want[i]) || (o.Err == nil) != (want[i] == nil) {
				t.Errorf("%s: %d: want %v, got %v", what, i, want[i], o.Err)
			}
			if o.Err == nil && !slices.Contains(order, o.ID) {
				order = append(order, o.ID)
			}
		}
		if err := e.Cancel(t.Context(), first, engine.Cancellation{}); err != nil {
			t.Fatal(err)
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		started := slices.DeleteFunc(r.Started(), func(id engine.ID) bool { return id == first }) // it may have been too late for it
		if !slices.Equal(order, started) || len(order) != 8 {
			t.Errorf("%s: want %v, started %v", what, order, started)
		}
	}
}

// batchStore is one that takes several at once.
type batchStore struct{ engine.Store }

// AcceptAll keeps several.
func (s *batchStore) AcceptAll(ctx context.Context, all []engine.Acceptance) []engine.Accepted {
	out := make([]engine.Accepted, len(all))
	for i, a := range all {
		out[i].Known, out[i].Err = s.Accept(ctx, a)
	}
	return out
}
