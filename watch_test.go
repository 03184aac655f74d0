package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

// talk draws what an execution prints: lines, pieces of lines and silence, on
// both streams.
func talk() *rapid.Generator[[]enginetest.Print] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) enginetest.Print {
		return enginetest.Print{
			After:  rapid.SampledFrom([]time.Duration{0, time.Millisecond, time.Second}).Draw(t, "after"),
			Stream: rapid.SampledFrom([]engine.Stream{engine.Stdout, engine.Stderr}).Draw(t, "stream"),
			Text:   rapid.StringMatching(`([a-c]{0,3}\n?){0,4}`).Draw(t, "text"),
		}
	}), 0, 12)
}

func TestWatch_ResumesAtEveryCursorWithExactlyTheRest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		prints := talk().Draw(rt, "prints")
		synctest.Test(t, func(t *testing.T) {
			e, _ := scripted(t, engine.Config{}, enginetest.Scripts{"talks": {Prints: prints}})
			r := do(t, e, play("talks"))
			all := watched(t, e, r.ID, 0)
			if last := all[len(all)-1]; last.Cursor != r.Cursor {
				t.Errorf("want the last event at the end, %d; got %d", r.Cursor, last.Cursor)
			}
			for from := range r.Cursor + 1 {
				want := []engine.Event{}
				for _, ev := range all {
					// A last line without a newline may share its place with another: it
					// is given again rather than lost.
					if ev.Cursor > from || ev.Cursor == from && ev.Unended {
						want = append(want, ev)
					}
				}
				if diff := cmp.Diff(want, watched(t, e, r.ID, from)); diff != "" {
					t.Fatalf("the rest from %d of %d (-want +got):\n%s", from, r.Cursor, diff)
				}
			}
		})
	})
}

func TestOutput_IsExactlyTheRestFromEveryCursor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		prints := talk().Draw(rt, "prints")
		want := map[engine.Stream]string{}
		for _, p := range prints {
			want[p.Stream] += p.Text
		}
		synctest.Test(t, func(t *testing.T) {
			e, _ := scripted(t, engine.Config{}, enginetest.Scripts{"talks": {Prints: prints}})
			r := do(t, e, play("talks"))
			pieces := outputs(t, e, r.ID, 0)
			for from := range r.Cursor + 1 {
				var before, after strings.Builder
				for _, p := range pieces { // cut at from
					n := min(max(int64(from-p.Cursor)+int64(len(p.Data)), 0), int64(len(p.Data)))
					before.Write(p.Data[:n])
					after.Write(p.Data[n:])
				}
				var got strings.Builder
				for _, p := range outputs(t, e, r.ID, from) {
					got.Write(p.Data)
				}
				if got.String() != after.String() {
					t.Fatalf("from %d: want %q, got %q", from, after.String(), got.String())
				}
			}
			whole := map[engine.Stream]string{}
			for _, p := range pieces {
				whole[p.Stream] += string(p.Data)
			}
			for _, s := range []engine.Stream{engine.Stdout, engine.Stderr} {
				if whole[s] != want[s] {
					t.Fatalf("%s: want %q, got %q", s, want[s], whole[s])
				}
			}
		})
	})
}

func outputs(t *testing.T, e engine.API, id engine.ID, from engine.Cursor) []engine.Output {
	t.Helper()
	var all []engine.Output
	for o, err := range e.Output(t.Context(), id, from) {
		if err != nil {
			t.Fatalf("output from %d: %v", from, err)
		}
		o.Data = bytes.Clone(o.Data) // it is lent
		all = append(all, o)
	}
	return all
}

// A line may begin long before the cursor, when the other stream wrote much
// meanwhile, and may be longer than one piece.
func TestWatch_ResumesInLinesThatBeganLongAgo(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for name, prints := range map[string][]enginetest.Print{
		"far apart": {
			{Stream: engine.Stderr, Text: "abc"},
			{After: time.Second, Text: strings.Repeat(strings.Repeat("x", 1023)+"\n", 2*1024)},
			{After: time.Second, Stream: engine.Stderr, Text: "def\n"},
		},
		"very long": {{Text: strings.Repeat("y", 3*mib+100) + "\nend\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := scripted(t, engine.Config{}, enginetest.Scripts{"talks": {Prints: prints}})
				r := do(t, e, play("talks"))
				all := watched(t, e, r.ID, 0)
				for i := range all {
					if i > 10 && i < len(all)-10 {
						continue
					}
					if diff := cmp.Diff(brief(all[i+1:]), brief(watched(t, e, r.ID, all[i].Cursor))); diff != "" {
						t.Errorf("the rest after %s (-want +got):\n%s", brief(all[i : i+1])[0], diff)
					}
				}
			})
		})
	}
}

// brief are events in few words.
func brief(events []engine.Event) []string {
	all := make([]string, len(events))
	for i, ev := range events {
		all[i] = fmt.Sprintf("%s at %d: number %d, %d bytes, %.10s", ev.Kind, ev.Cursor, ev.Number, len(ev.Line), ev.Line)
	}
	return all
}

func TestWatch_ShowsALineThatHasNoEndYet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{}, enginetest.Scripts{"asks": {Prints: []enginetest.Print{
			{Text: "Name? "}, {After: time.Minute, Text: "Bob\n"},
		}}})
		id := start(t, e, play("asks"))
		began := time.Now()
		var got []string
		for ev, err := range e.Watch(t.Context(), id, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if ev.Kind == engine.StdoutWritten {
				got = append(got, fmt.Sprintf("%v %d %q %v", time.Since(began), ev.Number, ev.Line, ev.Partial))
			}
		}
		want := []string{`100ms 1 "Name? " true`, `1m0s 1 "Name? Bob" false`}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestWatch_ErrorsAreTheLastThing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{}, nil)
		id, endless := start(t, e, play("second")), start(t, e, play("hang"))
		reason := errors.New("enough")
		ctx, stop := context.WithTimeoutCause(t.Context(), time.Millisecond, reason)
		defer stop()
		last := func(ctx context.Context, id engine.ID, from engine.Cursor) (watch, output error) {
			for _, watch = range e.Watch(ctx, id, from) {
			}
			for _, output = range e.Output(ctx, id, from) {
			}
			return watch, output
		}
		for name, c := range map[string]struct {
			ctx  context.Context
			id   engine.ID
			from engine.Cursor
			want error
		}{
			"its context":       {ctx, endless, 0, reason},
			"nobody":            {t.Context(), engine.ID{1}, 0, engine.ErrNotFound},
			"beyond what comes": {t.Context(), id, 1000, engine.ErrBeyondEnd},
			"the end":           {t.Context(), id, 5, nil},
			"before the start":  {t.Context(), id, -1, nil},
		} {
			watch, output := last(c.ctx, c.id, c.from)
			wantError(t, name+", Watch", watch, c.want)
			wantError(t, name+", Output", output, c.want)
		}
	})
}

func TestWatch_TellsTheGapOfALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxOutputBytes: 1000}, enginetest.Scripts{"talks": {Prints: []enginetest.Print{
			{Text: strings.Repeat("0123456789abcde\n", 1000)},
		}}})
		r := do(t, e, play("talks"))
		var skipped, lines, kept int64
		for _, ev := range watched(t, e, r.ID, 0) {
			switch ev.Kind {
			case engine.OutputSkipped:
				skipped += ev.Gap.Bytes
			case engine.StdoutWritten:
				lines++
				kept += int64(len(ev.Line))
			default:
			}
		}
		if skipped != r.Output.StdoutOmittedBytes || !r.Output.Truncated || kept > 1000 || r.Output.StdoutBytes != 16_000 {
			t.Errorf("want a gap as wide as what is missing, got %d, with %d lines of %d bytes; counts %+v", skipped, lines, kept, r.Output)
		}
		for from := range engine.Cursor(20) { // in the head, and in the gap
			at := 490 + from
			var width int64
			for _, o := range outputs(t, e, r.ID, at) {
				width += int64(len(o.Data)) + o.Skipped
			}
			if want := 16_003 - int64(at); width != want {
				t.Errorf("from %d: want %d bytes and gaps, got %d", at, want, width)
			}
		}
	})
}

// What is kept of the output is in memory once for all who saw it end, and not once for each.
func TestWatch_SharesTheOutputOfAnEnding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{}, enginetest.Scripts{"talks": {Prints: []enginetest.Print{
			{After: time.Second, Stream: engine.Stdout, Text: "out\n"}, {Stream: engine.Stderr, Text: "err\n"},
		}}})
		id, err := e.Execute(t.Context(), play("talks"))
		if err != nil {
			t.Fatal(err)
		}
		var results [3]engine.Result
		var all sync.WaitGroup
		for i := range results[:2] {
			all.Go(func() {
				for ev, err := range e.Watch(t.Context(), id, 0) {
					if err != nil {
						t.Error(err)
					}
					if ev.Result != nil {
						results[i] = *ev.Result
					}
				}
			})
		}
		all.Go(func() { results[2], _ = e.Wait(t.Context(), id) })
		all.Wait()
		for i, r := range results {
			if r.Stdout != "out\n" || r.Stderr != "err\n" {
				t.Fatalf("reader %d: %q and %q", i, r.Stdout, r.Stderr)
			}
			if unsafe.StringData(r.Stdout) != unsafe.StringData(results[0].Stdout) || unsafe.StringData(r.Stderr) != unsafe.StringData(results[0].Stderr) {
				t.Errorf("reader %d has a copy of its own", i)
			}
		}
	})
}
