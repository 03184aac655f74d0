package engine_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

var bob = engine.Actor{Kind: engine.Human, Name: "bob"}

// ending is what is the same of two endings.
type ending struct {
	Status engine.Status
	Cause  engine.Cause
	Forced bool
	By     engine.Actor
}

func wantEnding(t *testing.T, r engine.Result, want ending) {
	t.Helper()
	if diff := cmp.Diff(want, ending{r.Status, r.Cause, r.Forced, r.CancelledBy}); diff != "" {
		t.Errorf("ending (-want +got):\n%s", diff)
	}
}

func TestCancel_InTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, r := scripted(t, engine.Config{MaxConcurrent: 1}, nil)
		start(t, e, play("second"))
		id := start(t, e, play("ok"))
		synctest.Wait()
		cancel(t, e, id, engine.Cancellation{Actor: bob})
		wantEnding(t, end(t, e, id), ending{engine.Cancelled, engine.CauseCancel, false, bob})
		want := []engine.EventKind{engine.ExecutionAccepted, engine.ExecutionStatusChanged, engine.ExecutionCancelled}
		if diff := cmp.Diff(want, kinds(watched(t, e, id, 0))); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		pass(time.Hour)
		if n := len(r.Asked()); n != 1 {
			t.Errorf("want the first alone started, got %d", n)
		}
	})
}

func TestCancel_WhileItIsBeingStarted(t *testing.T) {
	t.Parallel()
	for _, force := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			e, _ := scripted(t, engine.Config{}, enginetest.Scripts{"deaf": {StartTakes: time.Second, Hangs: true, IgnoresStop: true}})
			request := play("deaf")
			request.Grace = time.Minute
			id := start(t, e, request)
			synctest.Wait()
			cancel(t, e, id, engine.Cancellation{Actor: bob})
			if force {
				cancel(t, e, id, engine.Cancellation{Force: true})
			}
			if s := status(t, e, id); s != engine.Pending {
				t.Errorf("want pending until it was started, got %s", s)
			}
			result := end(t, e, id)
			wantEnding(t, result, ending{engine.Cancelled, engine.CauseCancel, true, bob})
			want := map[bool]time.Duration{false: time.Minute, true: 0}[force]
			if result.Duration != want {
				t.Errorf("force %v: want it to end after %v, got %v", force, want, result.Duration)
			}
		})
	}
}

func TestCancel_WhileThePolicyThinks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := engine.PolicyFunc(func(_ context.Context, a engine.Action) error {
			if a.Starting {
				<-time.After(time.Second)
			}
			return nil
		})
		e, r := scripted(t, engine.Config{Policy: slow}, nil)
		id := start(t, e, play("hang"))
		synctest.Wait()
		cancel(t, e, id, engine.Cancellation{Actor: bob})
		wantEnding(t, end(t, e, id), ending{engine.Cancelled, engine.CauseCancel, false, bob})
		if n := len(r.Asked()); n > 0 {
			t.Errorf("want it never started, got %d starts", n)
		}
	})
}

func TestCancel_WhileTheSystemIsBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, r := scripted(t, engine.Config{}, enginetest.Scripts{"busy": {Busy: 1 << 30, StartTakes: time.Second}})
		for _, when := range []time.Duration{500 * time.Millisecond, time.Second + time.Millisecond} { // in Start, and between two
			id := start(t, e, play("busy"))
			pass(when)
			cancel(t, e, id, engine.Cancellation{Actor: bob})
			wantEnding(t, end(t, e, id), ending{engine.Cancelled, engine.CauseCancel, false, bob})
		}
		if len(r.Started()) > 0 {
			t.Error("a busy execution was started")
		}
	})
}

func TestCancel_WhileItRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{}, enginetest.Scripts{"heeds": {Hangs: true, StopTakes: time.Second, StopCode: 42, LastWords: "bye\n"}})
		id := start(t, e, play("heeds"))
		synctest.Wait()
		cancel(t, e, id, engine.Cancellation{Actor: bob})
		cancel(t, e, id, engine.Cancellation{Actor: engine.Actor{Name: "late"}})
		result := end(t, e, id)
		wantEnding(t, result, ending{engine.Cancelled, engine.CauseCancel, false, bob})
		if result.ExitCode != 42 || result.Success || result.Stdout != "bye\n" || result.Duration != time.Second {
			t.Errorf("want code 42, no success and last words after a second; got %+v", result)
		}
		wantError(t, "cancel after the end", e.Cancel(t.Context(), id, engine.Cancellation{}), engine.ErrFinished)
	})
}

func TestCancel_ForceCutsTheGraceShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{Grace: time.Minute}, nil)
		id := start(t, e, play("deaf"))
		synctest.Wait()
		cancel(t, e, id, engine.Cancellation{Actor: bob})
		pass(time.Second)
		cancel(t, e, id, engine.Cancellation{Actor: engine.Actor{Name: "late"}})
		pass(time.Second)
		cancel(t, e, id, engine.Cancellation{Force: true})
		result := end(t, e, id)
		wantEnding(t, result, ending{engine.Cancelled, engine.CauseCancel, true, bob})
		if result.Duration != 2*time.Second {
			t.Errorf("want the end at the forced cancel, got it after %v", result.Duration)
		}
	})
}

func TestCancel_KillsWhenTheGraceIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{Grace: time.Minute}, nil)
		short := play("deaf")
		short.Grace = time.Second
		for request, grace := range map[*engine.Request]time.Duration{{Command: enginetest.Command("deaf")}: time.Minute, &short: time.Second} {
			id := start(t, e, *request)
			synctest.Wait()
			cancel(t, e, id, engine.Cancellation{Actor: bob})
			result := end(t, e, id)
			wantEnding(t, result, ending{engine.Cancelled, engine.CauseCancel, true, bob})
			if result.Duration != grace || result.Signal != "KILL" || result.ExitCode != -1 {
				t.Errorf("want KILL after %v, got %s, code %d, after %v", grace, result.Signal, result.ExitCode, result.Duration)
			}
		}
	})
}

func TestTimeout_DefaultsAndMaximum(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		plain, _ := scripted(t, engine.Config{}, nil)
		short, _ := scripted(t, engine.Config{MaxTimeout: time.Minute}, nil)
		own := play("hang")
		own.Timeout = 30 * time.Second
		idle := play("hang")
		idle.IdleTimeout = 3 * time.Second
		for _, c := range []struct {
			name    string
			engine  *engine.Engine
			request engine.Request
			cause   engine.Cause
			after   time.Duration
		}{
			{"the default", plain, play("hang"), engine.CauseTimeout, 5 * time.Minute},
			{"the maximum below the default", short, play("hang"), engine.CauseTimeout, time.Minute},
			{"its own", plain, own, engine.CauseTimeout, 30 * time.Second},
			{"its idle timeout", plain, idle, engine.CauseIdleTimeout, 3 * time.Second},
		} {
			result := do(t, c.engine, c.request)
			wantEnding(t, result, ending{engine.TimedOut, c.cause, false, engine.Actor{}})
			events := watched(t, c.engine, result.ID, 0)
			if last := events[len(events)-1]; result.Duration != c.after || last.Timeout != c.after {
				t.Errorf("%s: want %v, got %v, and %v in the event", c.name, c.after, result.Duration, last.Timeout)
			}
		}
		for timeout, want := range map[time.Duration]error{
			time.Minute: nil, time.Minute + 1: engine.ErrTimeoutTooLarge, -1: engine.ErrInvalid, engine.Forever: engine.ErrTimeoutTooLarge,
		} {
			own.Timeout = timeout
			_, err := short.Execute(t.Context(), own)
			wantError(t, timeout.String(), err, want)
		}
	})
}

func TestTimeout_NeverWhereTheConfigurationAllowsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxTimeout: engine.Forever}, enginetest.Scripts{"week": {Runs: 7 * 24 * time.Hour}})
		request := play("week")
		request.Timeout = engine.Forever
		if r := do(t, e, request); r.Status != engine.Completed || r.Duration != 7*24*time.Hour {
			t.Errorf("want it completed after a week, got %s after %v", r.Status, r.Duration)
		}
	})
}

func TestCause_IsThatOfTheFirst(t *testing.T) {
	t.Parallel()
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			at := [3]time.Duration{}
			for i := range at {
				at[i] = time.Duration(1+rand.IntN(3)) * time.Second
			}
			e, _ := scripted(t, engine.Config{}, enginetest.Scripts{"runs": {Runs: at[0], StopTakes: time.Minute, StopCode: 9}})
			request := play("runs")
			request.Timeout = at[1]
			id := start(t, e, request)
			synctest.Wait()
			timer := time.AfterFunc(at[2], func() { _ = e.Cancel(t.Context(), id, engine.Cancellation{Actor: bob}) })
			defer timer.Stop()
			result := end(t, e, id)
			causes := map[engine.Cause]time.Duration{engine.CauseExit: at[0], engine.CauseTimeout: at[1], engine.CauseCancel: at[2]}
			if causes[result.Cause] != min(at[0], at[1], at[2]) {
				t.Errorf("want the cause that came first of %v, got %s", causes, result.Cause)
			}
			if cancelled := result.CancelledBy != (engine.Actor{}); cancelled != (result.Cause == engine.CauseCancel) {
				t.Errorf("cause %s, cancelled by %v", result.Cause, result.CancelledBy)
			}
			pass(time.Hour)
			if again := end(t, e, id); cmp.Diff(result, again) != "" {
				t.Errorf("the result changed:\n%s", cmp.Diff(result, again))
			}
		})
	}
}
