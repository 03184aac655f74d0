package enginetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	engine "github.com/escher-dbai/cloudops-engine"
)

// anyScript draws a script of any kind.
func anyScript() *rapid.Generator[Script] {
	span := rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute})
	return rapid.Custom(func(t *rapid.T) Script {
		s := Script{
			Busy: rapid.IntRange(0, 2).Draw(t, "busy"), StartTakes: span.Draw(t, "start takes"), Instant: rapid.Bool().Draw(t, "instant"),
			Runs: span.Draw(t, "runs"), Hangs: rapid.Bool().Draw(t, "hangs"), ExitCode: rapid.IntRange(0, 3).Draw(t, "code"),
			IgnoresStop: rapid.Bool().Draw(t, "ignores stop"), StopTakes: span.Draw(t, "stop takes"), LastWords: "bye\n",
			Reads: rapid.Bool().Draw(t, "reads"),
		}
		if rapid.Bool().Draw(t, "no start") {
			s.StartErr = errors.New("no start")
		}
		for range rapid.IntRange(0, 4).Draw(t, "prints") {
			s.Prints = append(s.Prints, Print{After: span.Draw(t, "after"), Stream: engine.Stderr, Text: "text\n"})
		}
		return s
	})
}

func TestRunner_KeepsItsContract(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		scripts := rapid.SliceOfN(anyScript(), 1, 5).Draw(rt, "scripts")
		when := rapid.SampledFrom([]time.Duration{0, time.Second, 90 * time.Second}).Draw(rt, "cancel after")
		synctest.Test(t, func(t *testing.T) {
			r := &Runner{ScriptFunc: func(l *engine.Launch) (Script, bool) { return scripts[len(l.Argv)-2], true }}
			s := newSpy(r)
			e, err := engine.New(engine.Config{Runner: s, MaxConcurrent: 2, Grace: 30 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			var ids []engine.ID
			for i := range scripts {
				id, err := e.Execute(t.Context(), engine.Request{Command: Command("any", slices.Repeat([]string{"x"}, i)...), Interactive: i%2 == 0})
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, id)
			}
			<-time.After(when)
			_ = e.Cancel(t.Context(), ids[0], engine.Cancellation{}) // it may have ended
			if err := e.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			r.Wait()
			if faults := s.broken(); len(faults) > 0 || r.Running() != 0 || r.Peak() > 2 {
				t.Errorf("%d run, at most %d did; %s", r.Running(), r.Peak(), strings.Join(faults, "; "))
			}
		})
	})
}

// faulty breaks the contract in one way.
type faulty func(l *engine.Launch) (engine.Control, error)

func (f faulty) Start(_ context.Context, l *engine.Launch) (engine.Control, error) { return f(l) }

type noControl struct{}

func (noControl) Stop(engine.Cause, engine.Actor) bool { return false }
func (noControl) Kill(engine.Cause, engine.Actor) bool { return false }

func (noControl) Stdin() engine.Stdin              { return nil }
func (noControl) Resize(engine.TerminalSize) error { return engine.ErrNoTerminal }
func (noControl) Extend(time.Duration) bool        { return false }

func TestSpy_SeesABrokenContract(t *testing.T) {
	t.Parallel()
	for want, runner := range map[string]faulty{
		"Ended was called 2 times": func(l *engine.Launch) (engine.Control, error) {
			l.Started()
			l.Ended(engine.Ending{Cause: engine.CauseExit})
			l.Ended(engine.Ending{Cause: engine.CauseExit})
			return noControl{}, nil
		},
		"before Started was called": func(l *engine.Launch) (engine.Control, error) {
			l.Journal.Append(engine.Stdout, []byte("early"))
			l.Started()
			l.Ended(engine.Ending{Cause: engine.CauseExit})
			return noControl{}, nil
		},
		"Start returned an error (no), and yet": func(l *engine.Launch) (engine.Control, error) {
			l.Started()
			return nil, errors.New("no")
		},
		"Ended was called before Started": func(l *engine.Launch) (engine.Control, error) {
			l.Ended(engine.Ending{Cause: engine.CauseExit})
			l.Started()
			return noControl{}, nil
		},
		"after Ended": func(l *engine.Launch) (engine.Control, error) {
			l.Started()
			l.Ended(engine.Ending{Cause: engine.CauseExit})
			l.Phase(engine.ExecutionKilling)
			return noControl{}, nil
		},
		"neither an error nor a Control": func(l *engine.Launch) (engine.Control, error) {
			l.Started()
			l.Ended(engine.Ending{Cause: engine.CauseExit})
			return nil, nil //nolint:nilnil // that is the fault
		},
	} {
		s := newSpy(runner)
		e, err := engine.New(engine.Config{Runner: s})
		if err != nil {
			t.Fatal(err)
		}
		id, err := e.Execute(t.Context(), engine.Request{Command: Command("any")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if faults := strings.Join(s.broken(), "; "); !strings.Contains(faults, want) {
			t.Errorf("want %q seen, got %q", want, faults)
		}
	}
}
