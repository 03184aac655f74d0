package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
)

func TestPolicy_IsAskedBeforeTheQueueAndAgainAtTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var asked []bool
		e, _ := scripted(t, engine.Config{MaxConcurrent: 1, Policy: engine.PolicyFunc(func(_ context.Context, a engine.Action) error {
			mu.Lock()
			defer mu.Unlock()
			if slices.Contains(a.Argv, "me") {
				asked = append(asked, a.Starting)
			}
			return nil
		})}, nil)
		start(t, e, play("second"))
		id := start(t, e, play("second", "me"))
		synctest.Wait()
		if diff := cmp.Diff([]bool{false}, asked); diff != "" {
			t.Errorf("asked in the queue (-want +got):\n%s", diff)
		}
		end(t, e, id)
		if diff := cmp.Diff([]bool{false, true}, asked); diff != "" {
			t.Errorf("asked in all (-want +got):\n%s", diff)
		}
	})
}

func TestPolicy_DenialBeforeTheQueueKeepsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mine := errors.New("not on a Friday")
		for name, policy := range map[string]engine.PolicyFunc{
			"an error":  func(context.Context, engine.Action) error { return mine },
			"a denial":  func(context.Context, engine.Action) error { return errors.Join(engine.ErrDenied, mine) },
			"a panic":   func(context.Context, engine.Action) error { panic("oops") }, //nolint:forbidigo // that it panics is what is tested
			"a context": func(ctx context.Context, _ engine.Action) error { <-ctx.Done(); return ctx.Err() },
		} {
			e, r := scripted(t, engine.Config{Policy: policy}, nil)
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			id, err := e.Execute(ctx, play("ok"))
			wantError(t, name, err, engine.ErrDenied)
			if s := stats(t, e); id != (engine.ID{}) || s.Accepted != 0 || len(r.Asked()) > 0 {
				t.Errorf("%s: something was kept: %v, %+v", name, id, s)
			}
			if name == "an error" {
				wantError(t, name, err, mine)
			}
		}
	})
}

func TestPolicy_DenialAtTheStartRejects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, deny := range map[string]func() error{
			"an error": func() error { return errors.New("rules have changed") },
			"a panic":  func() error { panic("rules have changed") }, //nolint:forbidigo // that it panics is what is tested
		} {
			e, r := scripted(t, engine.Config{Policy: engine.PolicyFunc(func(_ context.Context, a engine.Action) error {
				if a.Starting {
					return deny()
				}
				return nil
			})}, nil)
			result := do(t, e, play("ok"))
			if result.Status != engine.Rejected || result.Cause != engine.CausePolicy || !strings.Contains(result.Error, "rules have changed") {
				t.Errorf("%s: want it rejected with the reason, got %s by %s: %s", name, result.Status, result.Cause, result.Error)
			}
			want := []engine.EventKind{engine.ExecutionAccepted, engine.ExecutionStatusChanged, engine.ExecutionRejected}
			if diff := cmp.Diff(want, kinds(watched(t, e, result.ID, 0))); diff != "" {
				t.Errorf("%s: events (-want +got):\n%s", name, diff)
			}
			if len(r.Asked()) > 0 || stats(t, e).Rejected != 1 {
				t.Errorf("%s: it was started, or is not counted: %+v", name, stats(t, e))
			}
		}
	})
}

func TestPolicy_IsNotAskedAboutARepetition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		e, _ := scripted(t, engine.Config{Policy: engine.PolicyFunc(func(context.Context, engine.Action) error { asked++; return nil })}, nil)
		request := play("ok")
		request.ID = someID
		do(t, e, request)
		do(t, e, request)
		if asked != 2 {
			t.Errorf("want it asked twice about one execution, got %d", asked)
		}
	})
}
