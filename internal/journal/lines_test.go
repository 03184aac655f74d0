package journal_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// line is a Line with its text as text and without its time.
type line struct {
	Stream                    journal.Stream
	Number, Cursor            int64
	Text                      string
	SoFar, Continues, Unended bool
}

// collect returns what to give a cutter, and where its lines are then.
func collect() (yield func(journal.Line) bool, lines *[]line) {
	lines = new([]line)
	return func(l journal.Line) bool {
		*lines = append(*lines, line{
			Stream: l.Stream, Number: l.Number, Cursor: l.Cursor, Text: string(l.Text),
			SoFar: l.SoFar, Continues: l.Continues, Unended: l.Unended,
		})
		return true
	}, lines
}

// feed makes the next record of what a program writes, and gives it to a cutter.
type feed struct {
	cutter journal.Cutter
	cursor int64
	lines  [2]int64
}

func (f *feed) output(s journal.Stream, p string, yield func(journal.Line) bool) {
	f.record(&journal.Record{Kind: journal.Output, Stream: s, Width: int64(len(p)), Line: f.lines[s], Data: []byte(p)}, yield)
	f.lines[s] += int64(strings.Count(p, "\n"))
}

func (f *feed) record(r *journal.Record, yield func(journal.Line) bool) {
	r.Cursor = f.cursor
	f.cursor += r.Width
	f.cutter.Cut(r, yield)
}

func TestCutter_CutsAtNewlinesAlone(t *testing.T) {
	t.Parallel()
	var f feed
	yield, got := collect()
	f.output(journal.Stdout, "one\ntw", yield)
	f.output(journal.Stderr, "\xff\r\n", yield)
	f.output(journal.Stdout, "o\r\n\n\rfour\x00", yield)
	f.cutter.Flush(yield)
	want := []line{
		{Number: 1, Cursor: 4, Text: "one"},
		{Stream: journal.Stderr, Number: 1, Cursor: 9, Text: "\xff\r"},
		{Number: 2, Cursor: 12, Text: "two\r"},
		{Number: 3, Cursor: 13, Text: ""},
		{Number: 4, Cursor: 19, Text: "\rfour\x00", Unended: true},
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCutter_ShowsALineSoFarAndThenWhole(t *testing.T) {
	t.Parallel()
	var f feed
	yield, got := collect()
	if f.cutter.Waiting() {
		t.Error("waits for nothing")
	}
	f.output(journal.Stdout, "x\nName: ", yield)
	if !f.cutter.Waiting() {
		t.Error("does not wait for the rest")
	}
	f.cutter.SoFar(yield)
	f.cutter.SoFar(yield) // nothing came
	if f.cutter.Waiting() {
		t.Error("waits although all was shown")
	}
	f.record(&journal.Record{Kind: journal.Note, Width: 1}, yield)
	f.output(journal.Stderr, "warning", yield)
	f.cutter.SoFar(yield)
	f.output(journal.Stdout, "Joe", yield)
	f.cutter.SoFar(yield)
	f.output(journal.Stdout, "\n", yield)
	f.output(journal.Stderr, "\n", yield)
	f.cutter.Flush(yield)
	want := []line{
		{Number: 1, Cursor: 2, Text: "x"},
		{Number: 2, Cursor: 8, Text: "Name: ", SoFar: true},
		{Stream: journal.Stderr, Number: 1, Cursor: 16, Text: "warning", SoFar: true},
		{Number: 2, Cursor: 19, Text: "Name: Joe", SoFar: true},
		{Number: 2, Cursor: 20, Text: "Name: Joe"},
		{Stream: journal.Stderr, Number: 1, Cursor: 21, Text: "warning"},
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What was handed out as a line so far stays what it was while the line grows.
func TestCutter_TextNeverChanges(t *testing.T) {
	t.Parallel()
	var f feed
	var texts [][]byte
	var want []string
	keep := func(l journal.Line) bool {
		texts, want = append(texts, l.Text), append(want, string(l.Text))
		return true
	}
	for i := range 2000 {
		f.output(journal.Stdout, string(rune('a'+i%26)), keep)
		f.cutter.SoFar(keep)
		if i%100 == 99 {
			f.output(journal.Stdout, "\n", keep)
		}
	}
	for i, text := range texts {
		if string(text) != want[i] {
			t.Fatalf("text %d was %q and is %q", i, want[i], text)
		}
	}
}

func TestCutter_StopsWhenAsked(t *testing.T) {
	t.Parallel()
	no := func(journal.Line) bool { return false }
	text := &journal.Record{Width: 4, Data: []byte("a\nb\n")}
	var c journal.Cutter
	if c.Cut(text, no) {
		t.Error("Cut went on")
	}
	yield, _ := collect()
	rest := &journal.Record{Width: 1, Data: []byte("a")}
	if !c.Cut(rest, no) || c.SoFar(no) || !c.SoFar(no) || c.Flush(no) || !c.Flush(no) || !c.Cut(rest, yield) {
		t.Error("a cutter went on, or stopped where there was nothing to give")
	}
	if c.Cut(&journal.Record{Kind: journal.Gap, Width: 1}, no) || !c.Cut(&journal.Record{Kind: journal.Note, Width: 1}, no) {
		t.Error("a gap went on, or a note stopped")
	}
}

func TestCutter_LongLinesComeInPieces(t *testing.T) {
	t.Parallel()
	const most = journal.MaxLineBytes
	for _, size := range []int{most, most + 1, 2*most + 5} {
		for _, end := range []string{"\n", ""} {
			for _, chunk := range []int{segment, most, 400_001} {
				text := strings.Repeat("0123456789", size/10+1)[:size]
				var f feed
				yield, got := collect()
				for rest := text + end; rest != ""; rest = rest[min(chunk, len(rest)):] {
					f.output(journal.Stdout, rest[:min(chunk, len(rest))], yield)
				}
				f.cutter.Flush(yield)
				var want []line
				rest := text
				for ; len(rest) > most; rest = rest[most:] {
					want = append(want, line{Number: 1, Cursor: int64(len(text)-len(rest)) + most + 1, Text: rest[:most], Continues: true})
				}
				want = append(want, line{Number: 1, Cursor: int64(size + len(end)), Text: rest, Unended: end == ""})
				if diff := cmp.Diff(want, *got); diff != "" {
					t.Fatalf("%d bytes in chunks of %d, end %q (-want +got):\n%.2000s", size, chunk, end, diff)
				}
			}
		}
	}
}

func TestCutter_AGapCutsALine(t *testing.T) {
	t.Parallel()
	var f feed
	yield, got := collect()
	f.output(journal.Stdout, "head", yield)
	f.output(journal.Stderr, "other\n", yield)
	f.record(&journal.Record{Kind: journal.Gap, Stream: journal.Stdout, Width: 100}, yield)
	f.lines[journal.Stdout] = 7
	f.output(journal.Stdout, "tail\nmore", yield)
	f.record(&journal.Record{Kind: journal.Gap, Stream: journal.Stderr, Width: 10}, yield)
	f.output(journal.Stdout, "\n", yield)
	want := []line{
		{Stream: journal.Stderr, Number: 1, Cursor: 10, Text: "other"},
		{Number: 1, Cursor: 10, Text: "head", Continues: true, Unended: true},
		{Number: 8, Cursor: 115, Text: "tail"},
		{Number: 9, Cursor: 130, Text: "more"},
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever the chunks, the lines are those of strings.Split.
func TestCutter_IsSplit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var f feed
		yield, got := collect()
		var texts [2]strings.Builder
		chunk := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]byte("ab\n\r\x00\xff")), 0, 9), func(p []byte) string { return string(p) })
		for range rapid.IntRange(0, 40).Draw(t, "chunks") {
			s, p := journal.Stream(rapid.IntRange(0, 1).Draw(t, "stream")), chunk.Draw(t, "bytes")
			texts[s].WriteString(p)
			f.output(s, p, yield)
			if rapid.Bool().Draw(t, "silence") {
				f.cutter.SoFar(yield)
			}
		}
		f.cutter.Flush(yield)
		checkLines(t, *got, [2]string{texts[0].String(), texts[1].String()})
	})
}

// checkLines compares lines with those of the texts.
func checkLines(t rapid.TB, got []line, texts [2]string) {
	t.Helper()
	cursor := int64(0)
	var next [2]int64
	var split [2][]string
	for s, text := range texts {
		split[s] = strings.Split(text, "\n")
	}
	for _, l := range got {
		if l.Cursor < cursor {
			t.Fatalf("the cursor went back from %d to %d", cursor, l.Cursor)
		}
		cursor = l.Cursor
		n := next[l.Stream]
		want := line{Stream: l.Stream, Number: n + 1, Cursor: l.Cursor, Text: split[l.Stream][n]}
		switch {
		case l.SoFar:
			if !strings.HasPrefix(want.Text, l.Text) || l.Number != n+1 || l.Text == "" {
				t.Fatalf("so far %+v of %+v", l, want)
			}
			continue
		case int(n) == len(split[l.Stream])-1:
			want.Unended = true
		}
		if diff := cmp.Diff(want, l); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		next[l.Stream]++
	}
	for s, lines := range split {
		if len(lines)-int(next[s]) > 1 || int(next[s]) < len(lines) && lines[next[s]] != "" {
			t.Fatalf("stream %d: %d lines of %d", s, next[s], len(lines))
		}
	}
}

// Megabytes without a newline cost as many bytes as they are, and no
// piece is longer than it may be.
func TestCutter_IsLinearInALineWithoutEnd(t *testing.T) {
	t.Parallel()
	const total = 32 << 20
	var c journal.Cutter
	chunk := bytes.Repeat([]byte{'x'}, segment)
	seen := 0
	yield := func(l journal.Line) bool {
		if len(l.Text) > journal.MaxLineBytes || l.Number != 1 {
			t.Fatalf("a piece of %d bytes of line %d", len(l.Text), l.Number)
		}
		seen += len(l.Text)
		return true
	}
	for at := int64(0); at < total; at += segment {
		c.Cut(&journal.Record{Cursor: at, Width: segment, Data: chunk}, yield)
	}
	if c.Flush(yield); seen != total {
		t.Errorf("%d bytes in pieces, want %d", seen, total)
	}
}
