package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// viewed are the lines of a view.
func viewed(t rapid.TB, j *journal.Journal, v *journal.View) []line {
	t.Helper()
	var all []line
	err := j.Lines(context.Background(), v, func(l journal.Line) bool {
		all = append(all, line{
			Stream: l.Stream, Number: l.Number, Cursor: l.Cursor, Text: string(l.Text),
			SoFar: l.SoFar, Continues: l.Continues, Unended: l.Unended,
		})
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// without are lines that some do not belong to.
func without(all []line, away func(i int, l *line) bool) []line {
	var rest []line
	for i := range all {
		if !away(i, &all[i]) {
			rest = append(rest, all[i])
		}
	}
	return rest
}

// A view is what is left when one reads it all and drops what was not asked for:
// of a record in memory and on disk, that is whole or has a gap, and is open or not.
func TestLines_AreThoseOfTheWhole(t *testing.T) {
	t.Parallel()
	root, count := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		j := journalOf(rapid.SampledFrom([]int64{0, 0, 3000}).Draw(t, "keep"), journal.HeadAndTail)
		if rapid.Bool().Draw(t, "on disk") {
			count++
			created, err := journal.Create(filepath.Join(root, fmt.Sprint(count)), 0)
			j = must(t, created, err)
			defer func() { _ = j.Release() }()
		}
		for range rapid.IntRange(0, 40).Draw(t, "writes") {
			text := rapid.StringMatching(`([abc]{0,9}\n?){0,30}`).Draw(t, "text")
			j.Append(rapid.SampledFrom([]journal.Stream{journal.Stdout, journal.Stderr}).Draw(t, "stream"), []byte(text))
			if rapid.IntRange(0, 9).Draw(t, "note") == 0 {
				j.Note(1, 2)
			}
		}
		if rapid.Bool().Draw(t, "closed") {
			j.Close(last, 2)
		}
		all := viewed(t, j, &journal.View{})
		checkWhole(t, j, all)
		end := j.End()
		v := &journal.View{}
		for s := range v.Without {
			v.Without[s] = rapid.IntRange(0, 3).Draw(t, "without") == 0
		}
		want := without(all, func(_ int, l *line) bool { return v.Without[l.Stream] })
		switch rapid.SampledFrom([]string{"from", "last", "numbers", "find", "none"}).Draw(t, "what") {
		case "from":
			v.From = rapid.Int64Range(0, end).Draw(t, "from")
			want = without(want, func(_ int, l *line) bool { return l.Cursor < v.From || l.Cursor == v.From && !l.Unended && !l.SoFar })
		case "last":
			if j.Totals(journal.Stdout).Omitted+j.Totals(journal.Stderr).Omitted > 0 {
				t.Skip("a gap is many lines")
			}
			v.Last = rapid.Int64Range(1, int64(len(all))+2).Draw(t, "last")
			from := max(0, len(want)-int(v.Last))
			want = without(want, func(i int, _ *line) bool { return i < from })
		case "numbers":
			v.FirstNumber, v.LastNumber = rapid.Int64Range(0, 30).Draw(t, "first"), rapid.Int64Range(0, 30).Draw(t, "last")
			want = without(want, func(_ int, l *line) bool {
				return l.Number < v.FirstNumber || v.LastNumber > 0 && l.Number > v.LastNumber
			})
		case "find":
			text := rapid.StringMatching(`[abc]{1,3}`).Draw(t, "find")
			v.Find = func(p []byte) int { return bytes.Index(p, []byte(text)) }
			v.Choose = func(p []byte) bool { return bytes.Contains(p, []byte(text)) }
			want = without(want, func(_ int, l *line) bool { return !v.Choose([]byte(l.Text)) })
		}
		if diff := cmp.Diff(want, viewed(t, j, v)); diff != "" {
			t.Fatalf("%+v (-want +got):\n%.2000s", v, diff)
		}
	})
}

// checkWhole checks that lines are all that is kept, for records without gaps.
func checkWhole(t rapid.TB, j *journal.Journal, all []line) {
	t.Helper()
	var texts [2]string
	for _, l := range all {
		texts[l.Stream] += l.Text
		if !l.Continues && !l.Unended && !l.SoFar {
			texts[l.Stream] += "\n"
		}
	}
	for s := range texts {
		if kept, tail := j.Kept(journal.Stream(s)); len(tail) == 0 && string(kept) != texts[s] {
			t.Fatalf("stream %d: lines make %q, want %q", s, texts[s], kept)
		}
	}
}

func TestLines_OfATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := journalOf(0, journal.HeadAndTail)
		begin := time.Now()
		for i := range 10 {
			j.Append(journal.Stdout, fmt.Appendf(nil, "line %d\n", i))
			<-time.After(time.Minute)
		}
		got := viewed(t, j, &journal.View{Since: begin.Add(3 * time.Minute), Until: begin.Add(5 * time.Minute)})
		if len(got) != 2 || got[0].Text != "line 3" || got[1].Text != "line 4" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestLines_OfTheLastBytes(t *testing.T) {
	t.Parallel()
	j := journalOf(0, journal.HeadAndTail)
	j.Append(journal.Stdout, []byte("one\ntwo\nthree\n"))
	for n, want := range map[int64]int{1: 1, 6: 1, 7: 2, 10: 2, 11: 3, 14: 3, 100: 3} {
		if got := viewed(t, j, &journal.View{LastBytes: n}); len(got) != want {
			t.Errorf("in the last %d bytes there are %d lines, want %d", n, len(got), want)
		}
	}
}

func TestLines_StopWhenAsked(t *testing.T) {
	t.Parallel()
	j := journalOf(0, journal.HeadAndTail)
	j.Append(journal.Stdout, []byte("one\ntwo\nthree\n"))
	calls := 0
	err := j.Lines(t.Context(), &journal.View{}, func(journal.Line) bool { calls++; return calls < 2 })
	if calls != 2 || err != nil {
		t.Errorf("%d calls, %v", calls, err)
	}
	j.Close(last, 1)
	if err := j.Lines(t.Context(), &journal.View{From: 99}, nil); !errors.Is(err, journal.ErrBeyondEnd) {
		t.Errorf("beyond the end: %v", err)
	}
}
