package journal_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// event is what a watcher makes of records: a line, a gap, or one event of a note.
type event struct {
	Line   line
	What   string // of gaps and notes
	Cursor int64
}

// watch reads a journal from a cursor on as the engine's watcher does. silence
// says whether to show what lines are so far.
func watch(j *journal.Journal, from int64, silence func() bool) []event {
	var events []event
	cutter := j.Cutter(from)
	lines := func(l journal.Line) bool {
		if l.Cursor > from || l.Cursor == from && l.Unended {
			events = append(events, event{Cursor: l.Cursor, Line: line{
				Stream: l.Stream, Number: l.Number, Cursor: l.Cursor, Text: string(l.Text),
				SoFar: l.SoFar, Continues: l.Continues, Unended: l.Unended,
			}})
		}
		return true
	}
	for _, r := range readBy(1<<10, j, from) { // a gap at the end of the buffer may come in two
		if r.Kind == journal.Note && r.Code == last {
			cutter.Flush(lines)
		}
		cutter.Cut(&r, lines)
		switch end := r.Cursor + r.Width; r.Kind {
		case journal.Note:
			for at := r.Cursor + 1; at <= end; at++ {
				events = append(events, event{What: fmt.Sprint("note ", r.Code), Cursor: at})
			}
		case journal.Gap:
			events = append(events, event{What: fmt.Sprint(r.Stream, " lost ", r.Width), Cursor: end})
		default:
		}
		if silence() {
			cutter.SoFar(lines)
		}
	}
	return events
}

// last is the code of the note that ends a record in these tests.
const last = 9

func never() bool { return false }

// checkResume checks that a watcher that goes on from the cursor of any event it
// was given gets all others, once. Only text without an end may come again, whose
// cursor others have as well.
func checkResume(t rapid.TB, j *journal.Journal, silence func() bool) {
	t.Helper()
	all := watch(j, 0, silence)
	cursor := int64(0)
	for i, e := range all {
		if e.Cursor < cursor {
			t.Fatalf("the cursor goes back from %d to %d: %+v", cursor, e.Cursor, e)
		}
		cursor = e.Cursor
		var want []event
		for k, other := range all {
			if !other.Line.SoFar && (k > i || other.Line.Unended && other.Cursor == e.Cursor) {
				want = append(want, other)
			}
		}
		if diff := cmp.Diff(want, watch(j, e.Cursor, never)); diff != "" {
			t.Fatalf("from %d, behind %.200v (-want +got):\n%.3000s", e.Cursor, e, diff)
		}
	}
}

func TestCutter_GoesOnFromTheCursorOfAnyEvent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		keep := rapid.SampledFrom([]int64{0, 0, 5, 10, 60}).Draw(t, "keep")
		j := journalOf(keep, rapid.SampledFrom([]journal.Head{journal.HeadAndTail, journal.HeadOnly}).Draw(t, "cut"))
		text := rapid.SliceOfN(rapid.SampledFrom([]byte("abcd\n\r")), 1, 12)
		for range rapid.IntRange(0, 14).Draw(t, "appends") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				j.Note(1, 1)
			case 1:
				j.Note(2, 2)
			default:
				p := text.Draw(t, "text")
				times := rapid.SampledFrom([]int{1, 1, 1, 1, 9}).Draw(t, "times")
				j.Append(journal.Stream(rapid.IntRange(0, 1).Draw(t, "stream")), bytes.Repeat(p, times))
			}
		}
		if rapid.Bool().Draw(t, "closed") {
			j.Close(last, 2)
			j.Pack()
		}
		checkResume(t, j, func() bool { return rapid.Bool().Draw(t, "silence") })
	})
}

// A stop is an event between the bytes and the end of a line: who has seen it has
// not seen the line.
func TestCutter_AnEventAfterAnUnendedLine(t *testing.T) {
	t.Parallel()
	j := journalOf(0, journal.HeadAndTail)
	j.Append(journal.Stdout, []byte("working"))
	j.Note(1, 1)
	j.Close(last, 2)
	j.Pack()
	want := []event{
		{Cursor: 8, Line: line{Number: 1, Cursor: 8, Text: "working", Unended: true}},
		{Cursor: 9, What: "note 9"},
		{Cursor: 10, What: "note 9"},
	}
	if diff := cmp.Diff(want, watch(j, 8, never)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[2:], watch(j, 9, never)); diff != "" {
		t.Errorf("in the middle of the end (-want +got):\n%s", diff)
	}
}

// The other stream may have written any amount since a line began.
func TestCutter_ALineThatBeganLongAgo(t *testing.T) {
	t.Parallel()
	j := journalOf(0, journal.HeadAndTail)
	j.Append(journal.Stdout, []byte("first\nsecond, "))
	other := bytes.Repeat([]byte("0123456789012345678901234567890\n"), 3*journal.MaxLineBytes/32)
	j.Append(journal.Stderr, other)
	from := j.End()
	j.Append(journal.Stdout, []byte("whole\n"))
	j.Close(last, 2)
	j.Pack()
	want := event{Cursor: from + 6, Line: line{Number: 2, Cursor: from + 6, Text: "second, whole"}}
	if got := watch(j, from, never); len(got) != 3 || cmp.Diff(want, got[0]) != "" {
		t.Errorf("got %.300v, want %+v", got, want)
	}
}

func TestCutter_GoesOnInALongLine(t *testing.T) {
	t.Parallel()
	j := journalOf(0, journal.HeadAndTail)
	long := strings.Repeat("0123456789abcdef", 5*journal.MaxLineBytes/2/16) + "end"
	for rest := long; rest != ""; rest = rest[min(len(rest), 300_000):] {
		j.Append(journal.Stdout, []byte(rest[:min(len(rest), 300_000)]))
		j.Append(journal.Stderr, []byte("x\n"))
	}
	j.Append(journal.Stdout, []byte("\n"+long[:2*journal.MaxLineBytes]))
	j.Append(journal.Stderr, []byte("y\nz"))
	j.Close(last, 2)
	j.Pack()
	shown := 0
	checkResume(t, j, func() bool { shown++; return shown%4 == 0 })
	for from := int64(0); from < j.End(); from += 499_979 {
		text := ""
		for _, e := range watch(j, from, never) {
			if e.Line.Stream == journal.Stdout && e.Line.Number == 1 {
				text += e.Line.Text
			}
		}
		if !strings.HasSuffix(long, text) || text == "" && from < int64(len(long)) {
			t.Errorf("from %d: %d bytes that are not the rest of the line", from, len(text))
		}
	}
}

// A reader that comes back when the beginning of its line is gone gets what is left.
func TestCutter_GoesOnBehindAGap(t *testing.T) {
	t.Parallel()
	j := journalOf(8, journal.HeadAndTail)
	j.Append(journal.Stdout, []byte("abcd\nefghijk"))
	from := j.End()
	j.Append(journal.Stdout, []byte("l\n"))
	j.Close(last, 1)
	j.Pack()
	want := []event{{Cursor: 14, Line: line{Number: 2, Cursor: 14, Text: "jkl"}}, {Cursor: 15, What: "note 9"}}
	if diff := cmp.Diff(want, watch(j, from, never)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
