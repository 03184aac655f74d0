package engine_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

func TestShutdown_Drains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxConcurrent: 1}, nil)
		first, second := start(t, e, play("second")), start(t, e, play("second"))
		began := time.Now()
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("want it to wait for both, 2s; it took %v", took)
		}
		for _, id := range []engine.ID{first, second} {
			if r := end(t, e, id); r.Status != engine.Completed {
				t.Errorf("want completed, got %s", r.Status)
			}
		}
	})
}

func TestShutdown_CancelsWhatIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, r := scripted(t, engine.Config{MaxConcurrent: 2, Grace: time.Minute}, enginetest.Scripts{"slow start": {StartTakes: time.Hour, Hangs: true}})
		ids := []engine.ID{start(t, e, play("deaf")), start(t, e, play("slow start")), start(t, e, play("ok"))}
		ctx, stop := context.WithTimeoutCause(t.Context(), time.Second, errors.New("no more time"))
		defer stop()
		err := e.Shutdown(ctx)
		if !errors.Is(err, context.Cause(ctx)) {
			t.Errorf("want the cause of the context, got %v", err)
		}
		for i, id := range ids {
			if r := end(t, e, id); r.Status != engine.Cancelled || r.Cause != engine.CauseShutdown {
				t.Errorf("number %d: want it cancelled by the shutdown, got %s by %s", i, r.Status, r.Cause)
			}
		}
		if r.Running() != 0 {
			t.Errorf("%d still run", r.Running())
		}
	})
}

func TestShutdown_TwiceIsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{}, nil)
		start(t, e, play("second"))
		second := make(chan error, 2)
		for range 2 {
			go func() { second <- e.Shutdown(context.Background()) }()
		}
		pass(500 * time.Millisecond)
		select {
		case err := <-second:
			t.Errorf("a Shutdown returned before the end: %v", err)
		default:
		}
		for range 2 {
			if err := <-second; err != nil {
				t.Error(err)
			}
		}
		if err := e.Shutdown(past(t)); err != nil {
			t.Errorf("a third one after the end: %v", err)
		}
	})
}

func TestShutdown_SecondOneHeedsItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{}, nil)
		start(t, e, play("second"))
		first := make(chan error, 1)
		go func() { first <- e.Shutdown(context.Background()) }()
		synctest.Wait()
		ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
		defer stop()
		wantError(t, "the second", e.Shutdown(ctx), context.DeadlineExceeded)
		if err := <-first; err != nil {
			t.Errorf("the first: %v", err)
		}
	})
}

func TestShutdown_TakesNothingMoreAndStillTells(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{}, nil)
		request := play("fail")
		request.ID = engine.ID{1}
		id := start(t, e, request)
		if err := e.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := e.Execute(t.Context(), play("ok"))
		wantError(t, "a new request", err, engine.ErrClosed)
		if again, err := e.Execute(t.Context(), request); again != id || err != nil {
			t.Errorf("the same request: want its execution, got %v, %v", again, err)
		}
		wantError(t, "cancel", e.Cancel(t.Context(), id, engine.Cancellation{}), engine.ErrFinished)
		if r := end(t, e, id); r.ExitCode != 3 {
			t.Errorf("want its result, got %+v", r)
		}
		if n := len(watched(t, e, id, 0)); n != 5 {
			t.Errorf("want its 5 events, got %d", n)
		}
	})
}

func TestShutdown_OfAnIdleEngineIsQuick(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{Handler: engine.EventHandlerFunc(func([]engine.Event) {})}, nil)
		began := time.Now()
		if err := e.Shutdown(t.Context()); err != nil || time.Since(began) > 0 {
			t.Errorf("want no time and no error, got %v after %v", err, time.Since(began))
		}
	})
}

func TestShutdown_EndsWhatTheSystemIsTooBusyFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{}, enginetest.Scripts{"busy": {Busy: 1 << 30}})
		id := start(t, e, play("busy"))
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		wantError(t, "Shutdown", e.Shutdown(ctx), context.DeadlineExceeded)
		if r := end(t, e, id); r.Cause != engine.CauseShutdown {
			t.Errorf("want it cancelled by the shutdown, got %s", r.Cause)
		}
	})
}

func TestShutdown_IsTheCauseForWhatIsBeingStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := engine.PolicyFunc(func(_ context.Context, a engine.Action) error {
			if a.Starting && len(a.Argv) > 2 {
				<-time.After(time.Minute)
			}
			return nil
		})
		e, _ := scripted(t, engine.Config{Policy: slow}, enginetest.Scripts{"busy": {Busy: 1 << 30, StartTakes: time.Minute}})
		ids := []engine.ID{start(t, e, play("ok", "with the policy")), start(t, e, play("busy"))}
		synctest.Wait()
		wantError(t, "Shutdown", e.Shutdown(past(t)), context.Canceled)
		for _, id := range ids {
			wantEnding(t, end(t, e, id), ending{engine.Cancelled, engine.CauseShutdown, false, engine.Actor{}})
		}
	})
}
