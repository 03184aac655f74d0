package journal_test

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// numbered returns n bytes in lines of ten, each with its number.
func numbered(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%09d\n", i)
	}
	return b.Bytes()[:n]
}

// LIM-04: the bound is exact to the byte, however the output is cut.
func TestBound_IsExactToTheByte(t *testing.T) {
	t.Parallel()
	const keep = 1000
	for _, cut := range []journal.Head{journal.HeadAndTail, journal.HeadOnly} {
		for _, produced := range []int{1, 499, 500, 501, 999, 1000, 1001, 1499, 1500, 1501, 5000, 200_000} {
			for _, chunk := range []int{1, 7, 250, 251, 252, 1000, 1 << 20} {
				t.Run(fmt.Sprintf("%d/%d/%d", cut, produced, chunk), func(t *testing.T) {
					t.Parallel()
					all := numbered(produced)
					j := journalOf(keep, cut)
					for rest := all; len(rest) > 0; rest = rest[min(chunk, len(rest)):] {
						j.Append(journal.Stdout, rest[:min(chunk, len(rest))])
					}
					head := min(produced, keep)
					if produced > keep && cut == journal.HeadAndTail {
						head = keep / 2
					}
					checkKept(t, j, all, head, min(produced, keep)-head)
					j.Close(1, 1)
					j.Pack()
					checkKept(t, j, all, head, min(produced, keep)-head)
				})
			}
		}
	}
}

// checkKept checks that a journal holds just the first and the last bytes of all.
func checkKept(t *testing.T, j *journal.Journal, all []byte, head, tail int) {
	t.Helper()
	first, last := j.Kept(journal.Stdout)
	if !bytes.Equal(all[:head], first) || !bytes.Equal(all[len(all)-tail:], last) {
		t.Errorf("kept %d and %d bytes, want %d and %d, or others", len(first), len(last), head, tail)
	}
	gone := all[head : len(all)-tail]
	count := func(p []byte) int64 { return int64(bytes.Count(p, []byte{'\n'})) }
	want := journal.Totals{
		Bytes: int64(len(all)), Lines: count(all), Omitted: int64(len(gone)), OmittedLines: count(gone),
	}
	if all[len(all)-1] != '\n' {
		want.Lines++
	}
	if diff := cmp.Diff(want, j.Totals(journal.Stdout)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	var record []piece
	for _, p := range []piece{
		{Width: int64(head), Data: string(all[:head])},
		{Kind: journal.Gap, Cursor: int64(head), Width: int64(len(gone)), Line: count(all[:head])},
		{Cursor: int64(len(all) - tail), Width: int64(tail), Line: count(all[:len(all)-tail]), Data: string(all[len(all)-tail:])},
	} {
		if p.Width > 0 {
			record = append(record, p)
		}
	}
	got := pieces(j, 0)
	if n := len(got); n > 0 && got[n-1].Kind == journal.Note {
		got = got[:n-1]
	}
	if diff := cmp.Diff(record, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestBound_OfOneByte(t *testing.T) {
	t.Parallel()
	j := journalOf(1, journal.HeadAndTail)
	j.Append(journal.Stdout, []byte("ab"))
	j.Append(journal.Stdout, []byte("c"))
	checkKept(t, j, []byte("abc"), 1, 0)
}

func TestBound_IsOfEachStream(t *testing.T) {
	t.Parallel()
	j := journalOf(4, journal.HeadOnly)
	for range 10 {
		j.Append(journal.Stdout, []byte("o"))
		j.Append(journal.Stderr, []byte("ee"))
	}
	for s, want := range map[journal.Stream]journal.Totals{
		journal.Stdout: {Bytes: 10, Lines: 1, Omitted: 6},
		journal.Stderr: {Bytes: 20, Lines: 1, Omitted: 16},
	} {
		if diff := cmp.Diff(want, j.Totals(s)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", s, diff)
		}
	}
}

// A flood takes many runs; what is let go of it is one gap all the same.
func TestBound_MakesOneGapOfManyRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := journalOf(1000, journal.HeadAndTail)
		chunk := numbered(500)
		for range 5000 {
			j.Append(journal.Stdout, chunk)
			<-time.After(10 * time.Millisecond)
		}
		gaps := 0
		buf := make([]journal.Record, 64)
		n, next, _ := j.TryRead(0, buf)
		for _, r := range buf[:n] {
			if r.Kind == journal.Gap {
				gaps++
			}
		}
		if gaps != 1 || next != j.End() {
			t.Errorf("%d gaps in %d records up to %d, want 1", gaps, n, next)
		}
		j.Close(1, 1)
		j.Pack()
		want := []piece{
			{Width: 500, Data: string(chunk)},
			{Kind: journal.Gap, Cursor: 500, Width: 2_499_000, Line: 50},
			{Cursor: 2_499_500, Width: 500, Line: 249_950, Data: string(chunk)},
			{Kind: journal.Note, Cursor: 2_500_000, Width: 1, Code: 1},
		}
		if diff := cmp.Diff(want, pieces(j, 0)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// Reads of one stream that follow each other closely are one run.
func TestRuns_MergeWhenTheyAreClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := journalOf(0, journal.HeadAndTail)
		j.Append(journal.Stdout, []byte("a"))
		<-time.After(time.Millisecond)
		j.Append(journal.Stdout, []byte("b"))
		<-time.After(time.Millisecond)
		j.Append(journal.Stdout, []byte("c")) // two milliseconds after a: another run
		got := readAll(j, 0)
		if len(got) != 2 || string(got[0].Data) != "ab" || got[1].Time.Sub(got[0].Time) != 2*time.Millisecond {
			t.Errorf("got %+v, want ab and, 2 ms later, c", got)
		}
		j.Close(1, 1)
		j.Pack()
		packed := readAll(j, 0)
		if diff := cmp.Diff(got, packed[:2], cmpopts.IgnoreUnexported(journal.Record{})); diff != "" {
			t.Errorf("closing changed it (-want +got):\n%s", diff)
		}
	})
}
