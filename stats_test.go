package engine_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

func TestStats_CountEveryEnding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxConcurrent: 6, Policy: engine.PolicyFunc(func(_ context.Context, a engine.Action) error {
			if a.Starting && len(a.Argv) > 2 {
				return errors.New("no")
			}
			return nil
		})}, enginetest.Scripts{"no start": {StartErr: errors.New("no")}})
		for range 2 {
			start(t, e, play("ok"))
			start(t, e, play("fail"))
			start(t, e, play("no start"))
			start(t, e, play("ok", "denied"))
			late := play("hang")
			late.Timeout = time.Second
			start(t, e, late)
			cancel(t, e, start(t, e, play("hang")), engine.Cancellation{})
			pass(time.Minute)
		}
		for range 8 {
			start(t, e, play("hang"))
		}
		synctest.Wait()
		want := engine.Stats{
			Running: 6, Queued: 2, Finished: 12, Accepted: 20, Completed: 2, Failed: 4, Cancelled: 2, TimedOut: 2, Rejected: 2,
		}
		got := stats(t, e)
		got.OutputBytes = 0 // what an empty record takes is not told
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n, err := e.RunningCount(t.Context()); n != 6 || err != nil {
			t.Errorf("RunningCount: want 6, got %d, %v", n, err)
		}
	})
}
