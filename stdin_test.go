package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

// reader is a script that copies its stdin to stdout.
func reader() enginetest.Scripts { return enginetest.Scripts{"cat": {Reads: true}} }

func TestWriteStdin_WaitsWhileTheExecutionIsQueued(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxConcurrent: 1}, reader())
		first := start(t, e, play("second"))
		request := play("cat")
		request.Interactive = true
		id := start(t, e, request)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if n, err := e.WriteStdin(ctx, id, []byte("too early")); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("want the context's error while it is queued, got %d, %v", n, err)
		}
		if n, err := e.WriteStdin(t.Context(), id, []byte("in time")); n != 7 || err != nil {
			t.Errorf("want it taken when it runs, got %d, %v", n, err)
		}
		wantError(t, "close", e.CloseStdin(t.Context(), id), nil)
		if got := end(t, e, id).Stdout; got != "in time" {
			t.Errorf("stdout is %q", got)
		}
		end(t, e, first)
	})
}

func TestWriteStdin_EndsWhenTheExecutionDoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxConcurrent: 1}, nil)
		request := play("hang")
		request.Interactive = true
		running, queued := start(t, e, request), start(t, e, request)
		ended := make(chan error, 2)
		for _, id := range []engine.ID{running, queued} {
			go func() {
				_, err := e.WriteStdin(t.Context(), id, []byte("nobody reads"))
				ended <- err
			}()
		}
		synctest.Wait()
		cancel(t, e, queued, engine.Cancellation{})
		wantError(t, "a queued one that was cancelled", <-ended, engine.ErrFinished)
		cancel(t, e, running, engine.Cancellation{})
		if err := <-ended; !errors.Is(err, engine.ErrNoStdin) && !errors.Is(err, engine.ErrFinished) {
			t.Errorf("a running one that was cancelled: want ErrNoStdin or ErrFinished, got %v", err)
		}
		end(t, e, running)
		wantError(t, "one that has ended", e.CloseStdin(t.Context(), running), engine.ErrFinished)
	})
}

// What is asked before the start is there at the start.
func TestResize_OfAQueuedExecutionIsTheSizeItStartsWith(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes []engine.TerminalSize
		e, _ := scripted(t, engine.Config{MaxConcurrent: 1}, nil)
		_ = e.Shutdown(t.Context())
		r := &enginetest.Runner{ScriptFunc: func(l *engine.Launch) (enginetest.Script, bool) {
			if l.Terminal != nil {
				sizes = append(sizes, *l.Terminal)
			}
			return enginetest.Script{Runs: time.Second}, true
		}}
		e = open(t, engine.Config{MaxConcurrent: 1, Runner: r})
		start(t, e, play("any"))
		request := play("any")
		request.Terminal = &engine.TerminalSize{Cols: 100}
		id := start(t, e, request)
		wantError(t, "resize", e.Resize(t.Context(), id, engine.TerminalSize{Rows: 40, Cols: 120}), nil)
		end(t, e, id)
		if want := (engine.TerminalSize{Rows: 40, Cols: 120}); len(sizes) != 1 || sizes[0] != want {
			t.Errorf("it was started with %v, want %v", sizes, want)
		}
		if request.Terminal.Rows != 0 {
			t.Error("the caller's request was changed")
		}
	})
}

func TestExtend_GivesMoreTimeInTheQueueAndInTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxConcurrent: 1, DefaultTimeout: time.Minute}, nil)
		first := start(t, e, play("second"))
		id := start(t, e, play("hang"))
		extend := func(by, total time.Duration) {
			deadline, err := e.Extend(t.Context(), id, by)
			x := get(t, e, id)
			wanted := time.Time{}
			if !x.StartedAt.IsZero() {
				wanted = x.StartedAt.Add(total)
			}
			if err != nil || !deadline.Equal(wanted) || !x.Deadline.Equal(deadline) {
				t.Errorf("extend by %v: want %v, got %v, %v, and %v in Get", by, wanted, deadline, err, x.Deadline)
			}
		}
		extend(time.Minute, 2*time.Minute)
		end(t, e, first)
		until(t, e, id, isStart)
		extend(3*time.Minute, 5*time.Minute)
		r := end(t, e, id)
		if r.Cause != engine.CauseTimeout || r.Duration < 5*time.Minute || r.Duration > 6*time.Minute {
			t.Errorf("want a timeout after 5 minutes, got %s after %v", r.Cause, r.Duration)
		}
		events := watched(t, e, id, 0)
		if got := events[len(events)-1].Timeout; got != 5*time.Minute {
			t.Errorf("the last event says %v", got)
		}
		var told []time.Time
		for _, ev := range events {
			if ev.Kind == engine.DeadlineExtended {
				told = append(told, ev.Deadline)
			}
		}
		if len(told) != 2 || !told[0].IsZero() || !told[1].Equal(r.StartedAt.Add(5*time.Minute)) {
			t.Errorf("the events say %v", told)
		}
	})
}

// The bound counts what was given before, however it is cut up; and who is about to
// end, or has no deadline, is not helped.
func TestExtend_KnowsItsBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{DefaultTimeout: 50 * time.Minute}, enginetest.Scripts{"slow": {Hangs: true, StopTakes: time.Second}})
		id := start(t, e, play("slow"))
		until(t, e, id, isStart)
		for range 2 {
			if _, err := e.Extend(t.Context(), id, 5*time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		_, err := e.Extend(t.Context(), id, time.Nanosecond)
		wantError(t, "above the maximum", err, engine.ErrTimeoutTooLarge)
		cancel(t, e, id, engine.Cancellation{})
		synctest.Wait()
		_, err = e.Extend(t.Context(), id, -time.Second)
		wantError(t, "no time", err, engine.ErrInvalid)
		end(t, e, id)

		e, _ = scripted(t, engine.Config{MaxTimeout: engine.Forever}, nil)
		request := play("hang")
		request.Timeout = engine.Forever
		_, err = e.Extend(t.Context(), start(t, e, request), time.Second)
		wantError(t, "no deadline", err, engine.ErrInvalid)
		request.Timeout = time.Hour
		id = start(t, e, request)
		cancel(t, e, id, engine.Cancellation{})
		_, err = e.Extend(t.Context(), id, time.Second)
		wantError(t, "one that is being ended", err, engine.ErrFinished)
	})
}

// However often a caller resizes, the record stays bounded.
func TestResize_IsRecordedAThousandTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{}, nil)
		request := play("second")
		request.Terminal = &engine.TerminalSize{}
		id := start(t, e, request)
		until(t, e, id, isStart)
		for i := range 1500 {
			wantError(t, "resize", e.Resize(t.Context(), id, engine.TerminalSize{Rows: uint16(i + 1)}), nil)
		}
		end(t, e, id)
		n := 0
		for _, ev := range watched(t, e, id, 0) {
			if ev.Kind == engine.TerminalResized {
				n++
			}
		}
		if n != 1000 {
			t.Errorf("%d events, want 1000", n)
		}
	})
}

// The environment of a terminal is for somebody who sits there; a cloud tool still
// pages and prompts nobody.
func TestTerminal_SetsTheEnvironment(t *testing.T) {
	t.Parallel()
	environments := make(chan []string, 1)
	r := &enginetest.Runner{ScriptFunc: func(l *engine.Launch) (enginetest.Script, bool) {
		environments <- append(l.Env, "STOP="+l.StopSignal.String())
		return enginetest.Script{}, true
	}}
	e := open(t, engine.Config{Runner: r})
	for name, c := range map[string]struct {
		change     func(*engine.Request)
		has, lacks string
	}{
		"no terminal":    {func(r *engine.Request) { r.Terminal = nil }, "TERM=dumb GIT_TERMINAL_PROMPT=0 PAGER=cat STOP=terminated", "TERM=xterm-256color"},
		"a program":      {func(*engine.Request) {}, "TERM=xterm-256color STOP=hangup", "TERM=dumb GIT_TERMINAL_PROMPT=0 PAGER=cat"},
		"its own TERM":   {func(r *engine.Request) { r.Env = map[string]string{"TERM": "vt100"} }, "TERM=vt100", "TERM=dumb TERM=xterm-256color"},
		"its own signal": {func(r *engine.Request) { r.StopSignal = "INT" }, "STOP=interrupt", "STOP=hangup"},
		"a shell":        {func(r *engine.Request) { r.Command = engine.Shell("x").With("sh") }, "TERM=xterm-256color", "PAGER=cat"},
		"a clean one":    {func(r *engine.Request) { r.CleanEnv = true }, "TERM=xterm-256color", "TERM=dumb"},
	} {
		request := play("any")
		request.Terminal = &engine.TerminalSize{}
		c.change(&request)
		id := start(t, e, request)
		env := " " + strings.Join(<-environments, " ") + " "
		for entry := range strings.FieldsSeq(c.has) {
			if !strings.Contains(env, " "+entry+" ") {
				t.Errorf("%s: %s is missing", name, entry)
			}
		}
		for entry := range strings.FieldsSeq(c.lacks) {
			if strings.Contains(env, " "+entry+" ") {
				t.Errorf("%s: %s is there", name, entry)
			}
		}
		end(t, e, id)
	}
}
