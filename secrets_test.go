package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

func TestAddSecrets_ToAQueuedExecutionIsThereAtTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sinks{}
		e, r := scripted(t, engine.Config{MaxConcurrent: 1, Handler: s}, enginetest.Scripts{
			"print": {Busy: 1, Prints: enginetest.Lines("it is " + secret), ExitCode: 1},
		})
		first := start(t, e, play("second"))
		id := start(t, e, play("print", secret))
		wantError(t, "add", e.AddSecrets(t.Context(), id, secret), nil)
		s.look(t, e, id, "while it waits")
		end(t, e, first)
		result := end(t, e, id)
		if result.Stdout != "it is [REDACTED]\n" {
			t.Errorf("stdout is %q", result.Stdout)
		}
		s.add("Result", result)
		s.look(t, e, id, "after the end")
		for _, ev := range watched(t, e, id, 0) {
			s.add("Watch", ev)
		}
		r.Wait()
		if err := e.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		delete(s.texts, "the handler") // which was told of the acceptance before
		s.check(t)
	})
}

// masksElsewhere starts executions that somebody else masks: its control says what it was
// told, and how they end.
type masksElsewhere struct {
	begin  chan struct{} // Start waits for it
	fails  error
	launch *engine.Launch

	mu      sync.Mutex
	request []string // secrets of the request at the start
	told    []string
}

func (w *masksElsewhere) Start(_ context.Context, l *engine.Launch) (engine.Control, error) {
	<-w.begin
	w.mu.Lock()
	defer w.mu.Unlock()
	w.launch, w.request = l, slices.Clone(l.Request.Secrets)
	l.Started()
	return w, nil
}

func (w *masksElsewhere) AddSecrets(_ context.Context, values []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, values...)
	return w.fails
}

func (w *masksElsewhere) Stop(cause engine.Cause, _ engine.Actor) bool {
	w.launch.Ended(engine.Ending{
		Cause: cause, ExitCode: -1, Error: "it had " + secret, LogError: "no file " + secret,
		Survivors: []engine.Survivor{{Pid: 1, Command: "sleep " + secret}},
	})
	return true
}

func (w *masksElsewhere) Kill(cause engine.Cause, by engine.Actor) bool { return w.Stop(cause, by) }
func (*masksElsewhere) Stdin() engine.Stdin                             { return nil }
func (*masksElsewhere) Resize(engine.TerminalSize) error                { return nil }
func (*masksElsewhere) Extend(time.Duration) bool                       { return false }

// A runner that masks elsewhere gets what came before with the request, and is told
// of the rest; whatever it does, no text of the engine has a secret.
func TestAddSecrets_TellsARunnerThatMasksElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := &masksElsewhere{begin: make(chan struct{})}
		e := open(t, engine.Config{Runner: first, MaxConcurrent: 1})
		request := engine.Request{Command: engine.Exec("sleep"), Secrets: []string{"from the request"}}
		id, queued := start(t, e, request), start(t, e, request)
		synctest.Wait() // Start is called
		add := func(id engine.ID, value string, want error) {
			t.Helper()
			wantError(t, value, e.AddSecrets(t.Context(), id, value), want)
		}
		added := make(chan error, 1) // until it has started, what it writes is not masked
		go func() { added <- e.AddSecrets(context.WithoutCancel(t.Context()), id, "while it starts") }()
		synctest.Wait()
		select {
		case err := <-added:
			t.Errorf("a secret is said to be masked before its runner knows it: %v", err)
		default:
		}
		add(queued, "while it waits", nil)
		first.begin <- struct{}{}
		wantError(t, "while it starts", <-added, nil)
		add(id, secret, nil)
		want := "[from the request] [while it starts " + secret + "]"
		if got := fmt.Sprint(first.request, first.told); got != want {
			t.Errorf("the first was told %s, want %s", got, want)
		}
		by := engine.Actor{Kind: engine.Human, Name: secret}
		cancel(t, e, id, engine.Cancellation{Actor: by})
		s := &sinks{}
		s.add("Result", end(t, e, id))
		s.check(t)

		first.fails = errors.New("cannot be reached")
		first.begin <- struct{}{}
		synctest.Wait()
		if got := fmt.Sprint(first.request); got != "[from the request while it waits]" {
			t.Errorf("the second was started with %s", got)
		}
		add(queued, "another value", first.fails)
		cancel(t, e, queued, engine.Cancellation{})
		end(t, e, queued)
	})
}

// All that finds the secrets is built anew each time, so there is a bound.
func TestAddSecrets_IsBounded(t *testing.T) {
	t.Parallel()
	e, _ := scripted(t, engine.Config{}, nil)
	id := start(t, e, play("hang"))
	big := strings.Repeat("x", 1<<20)
	wantError(t, "too long", e.AddSecrets(t.Context(), id, big, "another"), engine.ErrInvalid)
	values := make([]string, 1000)
	for i := range values {
		values[i] = fmt.Sprintf("secret-%03d", i)
	}
	wantError(t, "many", e.AddSecrets(t.Context(), id, values[1:]...), nil)
	wantError(t, "too many", e.AddSecrets(t.Context(), id, values[:2]...), engine.ErrInvalid)
	wantError(t, "as many as may be", e.AddSecrets(t.Context(), id, values[0]), nil)
	cancel(t, e, id, engine.Cancellation{})
	end(t, e, id)
}

// Whoever adds races with who reads the pipes, and with the end. What is written
// after the last addition is masked.
func TestAddSecrets_WhileItWrites(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	r := bash(`yes "$1" & yes "$1" >&2`, secret)
	r.Redact = engine.RedactValues
	id := start(t, e, r)
	until(t, e, id, func(ev engine.Event) bool { return ev.Kind == engine.StdoutWritten })
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if err := e.AddSecrets(t.Context(), id, fmt.Sprintf("another-%d", i), secret); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	n := map[engine.Stream]int{}
	out := func() bool { return min(n[engine.Stdout], n[engine.Stderr]) >= 1<<20 } // what was in both pipes
	for from := get(t, e, id).Cursor; !out(); {
		for o, err := range e.Output(t.Context(), id, from) {
			if err != nil {
				t.Fatal(err)
			}
			n[o.Stream] += len(o.Data) + int(o.Skipped)
			if from = o.Cursor; out() {
				break
			}
		}
	}
	cancel(t, e, id, engine.Cancellation{Force: true})
	for range 20 {
		all.Go(func() {
			if err := e.AddSecrets(t.Context(), id, "at the end"); err != nil && !errors.Is(err, engine.ErrFinished) {
				t.Error(err)
			}
		})
	}
	result := end(t, e, id)
	all.Wait()
	for _, text := range []string{result.Stdout, result.Stderr} {
		if tail := text[max(0, len(text)-1000):]; strings.Contains(tail, secret) || !strings.Contains(tail, "[REDACTED]\n") {
			t.Errorf("the end is %q", tail)
		}
	}
}
