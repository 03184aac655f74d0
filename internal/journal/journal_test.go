package journal_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// piece is a record without its time, its bytes as text.
type piece struct {
	Kind   journal.Kind
	Stream journal.Stream
	Cursor int64
	Width  int64
	Line   int64
	Data   string
	Code   uint8
}

func pieceOf(r *journal.Record) piece {
	return piece{
		Kind: r.Kind, Stream: r.Stream, Cursor: r.Cursor, Width: r.Width, Line: r.Line,
		Data: string(r.Data), Code: r.Code,
	}
}

// readAll reads what there is from a cursor on, a few records at a time.
func readAll(j *journal.Journal, from int64) []journal.Record { return readBy(3, j, from) }

func readBy(count int, j *journal.Journal, from int64) []journal.Record {
	var all []journal.Record
	for buf := make([]journal.Record, count); ; {
		n, next, _ := j.TryRead(from, buf)
		if n == 0 {
			return all
		}
		all = append(all, buf[:n]...)
		from = next
	}
}

func pieces(j *journal.Journal, from int64) []piece {
	var all []piece
	for _, r := range readAll(j, from) {
		if n := len(all); n > 0 && r.Kind != journal.Note && all[n-1].Kind == r.Kind && all[n-1].Stream == r.Stream {
			all[n-1].Data += string(r.Data)
			all[n-1].Width += r.Width
			continue
		}
		all = append(all, pieceOf(&r))
	}
	return all
}

func journalOf(keep int64, cut journal.Head) *journal.Journal {
	return journal.New(&journal.Options{KeepBytes: keep, Cut: cut})
}

func TestJournal_GivesTheRecordInOrder(t *testing.T) {
	t.Parallel()
	j := journalOf(0, journal.HeadAndTail)
	j.Note(1, 1)
	j.Note(2, 2)
	j.Append(journal.Stdout, []byte("one\ntw"))
	j.Append(journal.Stderr, []byte("oops\n"))
	j.Append(journal.Stdout, []byte("o\n"))
	want := []piece{
		{Kind: journal.Note, Cursor: 0, Width: 1, Code: 1},
		{Kind: journal.Note, Cursor: 1, Width: 2, Code: 2},
		{Stream: journal.Stdout, Cursor: 3, Width: 6, Data: "one\ntw"},
		{Stream: journal.Stderr, Cursor: 9, Width: 5, Data: "oops\n"},
		{Stream: journal.Stdout, Cursor: 14, Width: 2, Line: 1, Data: "o\n"},
	}
	if diff := cmp.Diff(want, pieces(j, 0)); diff != "" {
		t.Errorf("open (-want +got):\n%s", diff)
	}
	j.Close(9, 2)
	j.Pack()
	want = append(want, piece{Kind: journal.Note, Cursor: 16, Width: 2, Code: 9})
	if diff := cmp.Diff(want, pieces(j, 0)); diff != "" {
		t.Errorf("closed (-want +got):\n%s", diff)
	}
	if j.End() != 18 || !j.Closed() {
		t.Errorf("end is %d, closed %v, want 18 and true", j.End(), j.Closed())
	}
}

func TestJournal_StartsAnywhere(t *testing.T) {
	t.Parallel()
	j := journalOf(4, journal.HeadAndTail)
	j.Append(journal.Stdout, []byte("abcdefgh")) // ab, a gap of 4, gh
	j.Note(3, 2)
	for closed := range 2 {
		for from, want := range map[int64][]piece{
			-5: {{Cursor: 0, Width: 2, Data: "ab"}, {Kind: journal.Gap, Cursor: 2, Width: 4}, {Cursor: 6, Width: 2, Data: "gh"}},
			1:  {{Cursor: 1, Width: 1, Data: "b"}, {Kind: journal.Gap, Cursor: 2, Width: 4}, {Cursor: 6, Width: 2, Data: "gh"}},
			4:  {{Kind: journal.Gap, Cursor: 4, Width: 2}, {Cursor: 6, Width: 2, Data: "gh"}},
			7:  {{Cursor: 7, Width: 1, Data: "h"}},
			8:  nil,
		} {
			want = append(want, piece{Kind: journal.Note, Cursor: 8, Width: 2, Code: 3})
			if closed == 1 {
				want = append(want, piece{Kind: journal.Note, Cursor: 10, Width: 1, Code: 4})
			}
			if diff := cmp.Diff(want, pieces(j, from)); diff != "" {
				t.Errorf("from %d (-want +got):\n%s", from, diff)
			}
		}
		j.Close(4, 1)
		j.Pack()
	}
	if diff := cmp.Diff([]piece{{Kind: journal.Note, Cursor: 9, Width: 1, Code: 3}}, pieces(j, 9)[:1]); diff != "" {
		t.Errorf("in the middle of a note (-want +got):\n%s", diff)
	}
}

func TestJournal_TellsHowItEnds(t *testing.T) {
	t.Parallel()
	j := journalOf(0, journal.HeadAndTail)
	j.Append(journal.Stdout, []byte("x"))
	buf := make([]journal.Record, 4)
	if n, next, ended := j.TryRead(1, buf); n != 0 || next != 1 || ended {
		t.Errorf("open: got %d records, next %d, ended %v", n, next, ended)
	}
	j.Close(1, 1)
	j.Pack()
	if n, next, ended := j.TryRead(0, buf); n != 2 || next != 2 || !ended {
		t.Errorf("closed: got %d records, next %d, ended %v", n, next, ended)
	}
	if n, next, err := j.Read(t.Context(), 2, buf); n != 0 || next != 2 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: got %d, %d, %v, want io.EOF", n, next, err)
	}
	if _, _, err := j.Read(t.Context(), 3, buf); !errors.Is(err, journal.ErrBeyondEnd) {
		t.Errorf("beyond the end: got %v, want ErrBeyondEnd", err)
	}
}

func TestJournal_TakesNothingAfterClose(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 10, 1 << 20} { // a large record is not packed
		j := journalOf(0, journal.HeadAndTail)
		j.Append(journal.Stderr, make([]byte, size))
		j.Close(1, 1)
		j.Pack()
		end := j.End()
		j.Append(journal.Stdout, []byte("late"))
		j.Note(2, 1)
		j.Close(3, 1)
		j.Pack()
		if got := pieces(j, 0); j.End() != end || got[len(got)-1].Code != 1 {
			t.Errorf("of %d bytes: the end moved from %d to %d: %+v", size, end, j.End(), got)
		}
	}
}

func TestJournal_EmptyAppendsAreNothing(t *testing.T) {
	t.Parallel()
	j := journalOf(0, journal.HeadAndTail)
	j.Append(journal.Stdout, nil)
	j.Append(journal.Stderr, []byte{})
	if j.End() != 0 || len(pieces(j, 0)) != 0 {
		t.Errorf("end is %d, want 0", j.End())
	}
	if diff := cmp.Diff(journal.Totals{}, j.Totals(journal.Stdout)); diff != "" {
		t.Error(diff)
	}
	if head, tail := j.Kept(journal.Stderr); head != nil || tail != nil {
		t.Errorf("kept %q and %q of nothing", head, tail)
	}
}

// The bytes of a program are no text: NUL, what is not UTF-8, carriage returns
// and a last line without an end come back as they went in.
func TestJournal_KeepsEveryByte(t *testing.T) {
	t.Parallel()
	all := make([]byte, 0, 1<<18)
	for i := range 1 << 17 {
		all = append(all, byte(i), byte(i>>8))
	}
	all = append(all, "\x00\xff\xfe\r\r\n\xc3"...)
	j := journalOf(0, journal.HeadAndTail)
	for rest := all; len(rest) > 0; {
		n := min(len(rest), 1+len(rest)/7)
		j.Append(journal.Stdout, rest[:n])
		rest = rest[n:]
	}
	for range 2 {
		var got []byte
		for _, r := range readAll(j, 0) {
			got = append(got, r.Data...)
		}
		head, tail := j.Kept(journal.Stdout)
		if !bytes.Equal(all, got) || !bytes.Equal(all, head) || tail != nil {
			t.Errorf("%d bytes went in, %d came out, %d and %d are kept, or others", len(all), len(got), len(head), len(tail))
		}
		j.Close(1, 1)
		j.Pack()
	}
}

// A reader may keep what it was given, whatever happens to the journal.
func TestJournal_BytesHandedOutNeverChange(t *testing.T) {
	t.Parallel()
	j := journalOf(600, journal.HeadAndTail)
	type held struct {
		data []byte
		text string
	}
	var all []held
	for i := range 200 {
		j.Append(journal.Stdout, bytes.Repeat([]byte{byte('a' + i%26)}, 17))
		for _, r := range readAll(j, max(0, j.End()-40)) {
			all = append(all, held{r.Data, string(r.Data)})
			if cap(r.Data) != len(r.Data) {
				t.Fatalf("a reader could append to the journal: %d bytes, room for %d", len(r.Data), cap(r.Data))
			}
		}
	}
	j.Close(1, 1)
	j.Pack()
	j.Forget()
	for i, h := range all {
		if string(h.data) != h.text {
			t.Errorf("piece %d was %q and is %q", i, h.text, h.data)
		}
	}
}

func TestJournal_TheCallerKeepsItsBuffer(t *testing.T) {
	t.Parallel()
	j := journalOf(0, journal.HeadAndTail)
	buf := []byte("first")
	j.Append(journal.Stdout, buf)
	copy(buf, "other")
	j.Append(journal.Stdout, buf)
	if diff := cmp.Diff("firstother", pieces(j, 0)[0].Data); diff != "" {
		t.Error(diff)
	}
}

func TestJournal_CountsLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"a": 1, "a\n": 1, "\n": 1, "a\nb": 2, "\n\n\n": 3, "a\r\rb": 1} {
		j := journalOf(0, journal.HeadAndTail)
		j.Append(journal.Stdout, []byte(text))
		for range 3 {
			if got := j.Totals(journal.Stdout); got.Lines != want || got.Bytes != int64(len(text)) {
				t.Errorf("%q: got %+v, want %d lines", text, got, want)
			}
			j.Close(1, 1)
			j.Pack()
			j.Forget()
		}
	}
}

func TestJournal_ForgetsOutputButNotEvents(t *testing.T) {
	t.Parallel()
	for _, size := range []int{100, 1_000_000} {
		budget := journal.NewBudget(1<<30, nil)
		j := journal.New(&journal.Options{Budget: budget})
		text := strings.Repeat("line\n", size/5)
		j.Note(1, 1)
		j.Append(journal.Stdout, []byte(text))
		j.Note(2, 1)
		j.Append(journal.Stderr, []byte("x"))
		j.Close(3, 2)
		j.Pack()
		used := budget.Used()
		if freed := j.Forget(); freed != used || used < int64(size) || budget.Used() != 0 {
			t.Errorf("freed %d bytes, of %d that were in use, and %d still are", freed, used, budget.Used())
		}
		n := int64(size)
		want := []piece{
			{Kind: journal.Note, Cursor: 0, Width: 1, Code: 1},
			{Kind: journal.Gap, Cursor: 1, Width: n},
			{Kind: journal.Note, Cursor: n + 1, Width: 1, Code: 2},
			{Kind: journal.Gap, Stream: journal.Stderr, Cursor: n + 2, Width: 1},
			{Kind: journal.Note, Cursor: n + 3, Width: 2, Code: 3},
		}
		if diff := cmp.Diff(want, pieces(j, 0)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		totals := journal.Totals{Bytes: n, Lines: n / 5, Omitted: n, OmittedLines: n / 5}
		if diff := cmp.Diff(totals, j.Totals(journal.Stdout)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if freed := j.Forget(); freed != 0 {
			t.Errorf("freed %d bytes a second time", freed)
		}
	}
}

func TestJournal_KeepsWhatComesAfterForget(t *testing.T) {
	t.Parallel()
	j := journalOf(6, journal.HeadAndTail)
	j.Append(journal.Stdout, []byte("gone\n"))
	if freed := j.Forget(); freed == 0 {
		t.Error("nothing was freed")
	}
	j.Append(journal.Stdout, []byte("more\n"))
	head, tail := j.Kept(journal.Stdout)
	if len(head) != 0 || string(tail) != "more\n" {
		t.Errorf("kept %q and %q", head, tail)
	}
	j.Append(journal.Stdout, []byte("last\n"))
	want := []piece{{Kind: journal.Gap, Width: 9}, {Cursor: 9, Width: 6, Line: 1, Data: "\nlast\n"}}
	if diff := cmp.Diff(want, pieces(j, 0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
