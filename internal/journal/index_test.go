package journal_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// A process that writes a byte to one stream and a byte to the other, for as long
// as it likes, gets an index no larger than its bound: the middle goes, as if it
// had written more bytes, and the sums still hold.
func TestIndex_IsBoundedForAProcessThatAlternates(t *testing.T) {
	t.Parallel()
	const keep, rounds = 64 << 10, 300_000
	const most = keep / 16 // entries
	budget := journal.NewBudget(1<<30, nil)
	j := journal.New(&journal.Options{KeepBytes: keep, Budget: budget})
	m := newModel(keep, journal.HeadAndTail)
	j.Note(1, 1)
	m.note(1, 1)
	for i := range rounds {
		s, p := journal.Stream(i&1), []byte{"ab\ncd"[i%5]}
		j.Append(s, p)
		m.append(s, p)
		if used := budget.Used(); used > 4*keep+24*most {
			t.Fatalf("%d bytes are in use", used)
		}
	}
	m.check(t, j, 0)
	for from := int64(1); from < m.end; from += 49_999 {
		m.check(t, j, from)
	}
	if n := len(readAll(j, 0)); n > most {
		t.Errorf("%d records, want at most %d", n, most)
	}
	for s := range journal.Stream(2) {
		head, tail := j.Kept(s)
		all := m.streams[s].all
		if !bytes.HasPrefix(all, head) || !bytes.HasSuffix(all, tail) || len(head) < most/32 || len(tail) < most/32 {
			t.Errorf("%v: kept %d and %d bytes, or others", s, len(head), len(tail))
		}
	}
	j.Close(1, 2)
	j.Pack()
	m.note(1, 2)
	m.check(t, j, 0)
}

// A process that writes one stream slowly for days loses times, never bytes.
func TestIndex_GetsCoarserInTimeBeforeBytesGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const keep, rounds = 1 << 20, 200_000
		budget := journal.NewBudget(1<<30, nil)
		j := journal.New(&journal.Options{KeepBytes: keep, Budget: budget})
		start := time.Now()
		for range rounds {
			j.Append(journal.Stdout, []byte("tick\n"))
			<-time.After(time.Second)
		}
		all := readAll(j, 0)
		if n := len(all); n < keep/16/4 || n > keep/16 {
			t.Errorf("%d records, want no more than %d and not many less", n, keep/16)
		}
		if totals := j.Totals(journal.Stdout); totals.Omitted != 0 {
			t.Errorf("bytes went: %+v", totals)
		}
		for _, r := range all {
			was := start.Add(time.Duration(r.Line) * time.Second)
			if off := was.Sub(r.Time); off < 0 || off > 30*time.Second {
				t.Fatalf("line %d was at %v and is said to be of %v", r.Line, was, r.Time)
			}
		}
		if used := budget.Used(); used > 5*rounds+2*segment+24*keep/16 {
			t.Errorf("%d bytes are in use", used)
		}
	})
}

// Notes are never let go, however many.
func TestIndex_KeepsNotes(t *testing.T) {
	t.Parallel()
	j := journalOf(100, journal.HeadAndTail)
	m := newModel(100, journal.HeadAndTail)
	for i := range 5000 {
		j.Note(uint8(i), 1)
		m.note(uint8(i), 1)
		j.Append(journal.Stdout, []byte("x"))
		m.append(journal.Stdout, []byte("x"))
	}
	m.check(t, j, 0)
	m.checkKept(t, j)
	j.Close(1, 1)
	j.Pack()
	m.note(1, 1)
	m.check(t, j, 0)
}

// Where memory is short as a whole, a large index has to stay as it is.
func TestIndex_SurvivesALackOfMemory(t *testing.T) {
	t.Parallel()
	budget := journal.NewBudget(100_000, nil)
	options := &journal.Options{KeepBytes: 10 << 20, Budget: budget}
	first, second := journal.New(options), journal.New(options)
	first.Append(journal.Stdout, make([]byte, 200_000))
	m := newModel(0, journal.HeadAndTail)
	for i := range 50_000 {
		s, p := journal.Stream(i&1), []byte{byte(i)}
		second.Append(s, p)
		m.append(s, p)
	}
	m.check(t, second, 0)
	if used := budget.Used(); used > 100_000+3*segment {
		t.Errorf("%d bytes are in use", used)
	}
}

// Two streams that alternate by ordinary lines lose nothing to the index.
func TestIndex_HoldsLinesOfTwoStreams(t *testing.T) {
	t.Parallel()
	const keep = 1 << 20
	j := journalOf(keep, journal.HeadAndTail)
	text := bytes.Repeat([]byte{'x'}, 40)
	for i := range 2 * keep / len(text) {
		j.Append(journal.Stream(i&1), text)
	}
	for s := range journal.Stream(2) {
		if totals := j.Totals(s); totals.Omitted != 0 {
			t.Errorf("%v: %+v", s, totals)
		}
	}
}
