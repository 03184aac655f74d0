package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

func TestQueue_StartsInTheOrderOfAcceptance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, r := scripted(t, engine.Config{MaxConcurrent: 1}, nil)
		var want []engine.ID
		for range 50 {
			want = append(want, start(t, e, play("second")))
		}
		end(t, e, want[49])
		if diff := cmp.Diff(want, r.Started()); diff != "" {
			t.Errorf("order of starts (-want +got):\n%s", diff)
		}
	})
}

func TestQueue_NeverExceedsMaxConcurrent(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1, 2, 7} {
		synctest.Test(t, func(t *testing.T) {
			e, r := scripted(t, engine.Config{MaxConcurrent: most}, enginetest.Scripts{
				"slow start": {StartTakes: 300 * time.Millisecond, Runs: 700 * time.Millisecond},
				"busy":       {Busy: 2, Runs: time.Second},
				"no start":   {StartErr: errors.New("no")},
			})
			names := []string{"second", "slow start", "ok", "busy", "no start", "fail"}
			var ids []engine.ID
			for range 100 {
				ids = append(ids, start(t, e, play(names[rand.IntN(len(names))])))
			}
			for _, id := range ids {
				end(t, e, id)
			}
			if r.Peak() > most {
				t.Errorf("%d ran at once, of at most %d", r.Peak(), most)
			}
			if s := stats(t, e); s.Running != 0 || s.Queued != 0 || s.Completed+s.Failed != 100 {
				t.Errorf("want all 100 ended, got %+v", s)
			}
		})
	}
}

func TestQueue_UsesEverySlotAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, r := scripted(t, engine.Config{MaxConcurrent: 5}, enginetest.Scripts{"slow start": {StartTakes: time.Hour}})
		start(t, e, play("slow start")) // it is being started for an hour: the others must not wait for it
		for want := range 4 {
			synctest.Wait()
			if r.Running() != want {
				t.Errorf("want %d running while one is being started, got %d", want, r.Running())
			}
			start(t, e, play("hang"))
		}
	})
}

func TestQueue_LosesNoSlot(t *testing.T) {
	t.Parallel()
	deny := engine.PolicyFunc(func(_ context.Context, a engine.Action) error {
		if a.Starting && slices.Contains(a.Argv, "denied") {
			return errors.New("not at this hour")
		}
		return nil
	})
	for name, request := range map[string]engine.Request{
		"after an end":             play("ok"),
		"after a failure":          play("fail"),
		"after a spawn error":      play("no start"),
		"after a denial":           play("ok", "denied"),
		"after back-pressure":      play("busy"),
		"after an end in Start":    play("instant"),
		"after a missing script":   play("no such script"),
		"after a timeout":          {Command: enginetest.Command("hang"), Timeout: time.Second},
		"after a death":            play("killed"),
		"after a slow start":       play("slow start"),
		"after a busy slow start":  play("busy slow start"),
		"after an error in a wait": play("late error"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, r := scripted(t, engine.Config{MaxConcurrent: 2, Policy: deny}, enginetest.Scripts{
					"no start": {StartErr: errors.New("no")}, "busy": {Busy: 3}, "instant": {Instant: true}, "killed": {Signal: 9},
					"slow start": {StartTakes: time.Second}, "busy slow start": {StartTakes: time.Second, Busy: 1},
					"late error": {StartTakes: time.Second, StartErr: errors.New("no")},
				})
				for range 7 {
					do(t, e, request)
				}
				start(t, e, play("hang"))
				start(t, e, play("hang"))
				synctest.Wait()
				if r.Running() != 2 {
					t.Errorf("want both slots in use, got %d", r.Running())
				}
			})
		})
	}
}

func TestQueue_KeepsItsOrderWhenTheSystemIsBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, r := scripted(t, engine.Config{MaxConcurrent: 4}, enginetest.Scripts{"busy": {Busy: 1, Runs: time.Second}})
		var want []engine.ID
		for range 40 {
			want = append(want, start(t, e, play("busy")))
		}
		for _, id := range want {
			if r := end(t, e, id); r.Status != engine.Completed {
				t.Errorf("want completed, got %s: %s", r.Status, r.Error)
			}
		}
		started := r.Started()
		for i, id := range want { // those that hold slots at the same time may overtake each other
			if at := slices.Index(started, id); at < i-3 || at > i+3 {
				t.Errorf("number %d was started as number %d", i, at)
			}
		}
	})
}

func TestQueue_IsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxConcurrent: 2, MaxQueued: 3}, nil)
		for i := range 5 { // at once: nothing has been started when the last comes
			if _, err := e.Execute(t.Context(), play("second")); err != nil {
				t.Fatalf("execution %d: %v", i, err)
			}
		}
		id, err := e.Execute(t.Context(), play("second"))
		wantError(t, "the sixth", err, engine.ErrQueueFull)
		if id != (engine.ID{}) || !engine.Retryable(err) {
			t.Errorf("want no id and a retryable error, got %v, %v", id, engine.Retryable(err))
		}
		if page, err := e.List(t.Context(), engine.Filter{}); err != nil || len(page.Executions) != 5 {
			t.Errorf("want nothing kept of the sixth, got %d executions, %v", len(page.Executions), err)
		}
		pass(time.Second)
		if _, err := e.Execute(t.Context(), play("second")); err != nil {
			t.Errorf("with room again: %v", err)
		}
	})
}

func TestQueue_FailFastRefusesOnlyWithoutAFreeSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxConcurrent: 3, FailFast: true}, nil)
		for i := range 3 {
			if _, err := e.Execute(t.Context(), play("second")); err != nil {
				t.Fatalf("execution %d of 3: %v", i, err)
			}
		}
		_, err := e.Execute(t.Context(), play("second"))
		wantError(t, "the fourth", err, engine.ErrConcurrencyLimit)
		pass(time.Second)
		if _, err := e.Execute(t.Context(), play("second")); err != nil {
			t.Errorf("with a free slot: %v", err)
		}
	})
}

func TestQueue_TellsThePosition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxConcurrent: 1}, nil)
		var ids []engine.ID
		for range 5 {
			ids = append(ids, start(t, e, play("second")))
		}
		position := func() string {
			synctest.Wait()
			text := ""
			for _, id := range ids {
				text += strconv.Itoa(get(t, e, id).QueuePosition)
			}
			return text
		}
		for step, want := range []string{"01234", "00123", "00012"} {
			if got := position(); got != want {
				t.Errorf("after %d: want positions %s, got %s", step, want, got)
			}
			pass(time.Second)
		}
		cancel(t, e, ids[4], engine.Cancellation{})
		if got := position(); got != "00000" {
			t.Errorf("at the end: want 00000, got %s", got)
		}
	})
}

func TestQueue_TimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, r := scripted(t, engine.Config{MaxConcurrent: 1, QueueTimeout: time.Minute}, nil)
		first := start(t, e, play("hang"))
		byConfig := start(t, e, play("ok"))
		own := play("ok")
		own.QueueTimeout = time.Second
		byRequest := start(t, e, own)
		for id, after := range map[engine.ID]time.Duration{byConfig: time.Minute, byRequest: time.Second} {
			result := end(t, e, id)
			if result.Status != engine.TimedOut || result.Cause != engine.CauseQueueTimeout || result.Queued != after || !result.StartedAt.IsZero() {
				t.Errorf("want a queue timeout after %v without a start, got %s by %s after %v, started %v",
					after, result.Status, result.Cause, result.Queued, result.StartedAt)
			}
			events := watched(t, e, id, 0)
			want := []engine.EventKind{engine.ExecutionAccepted, engine.ExecutionStatusChanged, engine.ExecutionTimedOut}
			if diff := cmp.Diff(want, kinds(events)); diff != "" || events[2].Timeout != after {
				t.Errorf("events (-want +got):\n%s; timeout %v", diff, events[2].Timeout)
			}
		}
		if got := r.Started(); !slices.Equal(got, []engine.ID{first}) {
			t.Errorf("want the first alone started, got %v", got)
		}
	})
}

func TestQueue_TimeoutGoesOnWhileTheSystemIsBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{QueueTimeout: time.Second}, enginetest.Scripts{"busy": {Busy: 1 << 30}})
		r := do(t, e, play("busy"))
		if r.Cause != engine.CauseQueueTimeout || r.Queued != time.Second {
			t.Errorf("want a queue timeout after a second, got %s after %v", r.Cause, r.Queued)
		}
	})
}

func TestQueue_SlowStartIsNoQueueTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{QueueTimeout: time.Second}, enginetest.Scripts{"slow": {StartTakes: time.Minute}})
		if r := do(t, e, play("slow")); r.Status != engine.Completed {
			t.Errorf("want it completed, for it did not wait in the queue; got %s by %s", r.Status, r.Cause)
		}
	})
}

func TestQueue_StaysSmallWhenAllIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxConcurrent: 1, MaxQueued: 10}, nil)
		start(t, e, play("hang"))
		synctest.Wait()
		for i := range 3000 { // far more than fit at once
			id := start(t, e, play("ok", fmt.Sprint(i)))
			if at := get(t, e, id).QueuePosition; at != 1 {
				t.Fatalf("number %d: want position 1, got %d", i, at)
			}
			cancel(t, e, id, engine.Cancellation{})
		}
		if s := stats(t, e); s.Queued != 0 || s.Cancelled != 3000 {
			t.Errorf("want none queued and 3000 cancelled, got %+v", s)
		}
	})
}
