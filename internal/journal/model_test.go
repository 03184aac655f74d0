package journal_test

import (
	"bytes"
	"sort"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// model is a journal as a plain list of what was added, and of each stream what
// is kept: the first head bytes, and those from hole on.
type model struct {
	added   []added
	end     int64
	streams [2]modelStream
}

// added is one call of Append or Note.
type added struct {
	start, width int64
	note         bool
	code         uint8
	detail       uint64
	stream       journal.Stream
	off          int64
}

type modelStream struct {
	all              []byte
	head, tail, hole int
}

func newModel(keep int, cut journal.Head) *model {
	m := &model{}
	for s := range m.streams {
		m.streams[s] = modelStream{head: keep - keep/2, tail: keep / 2}
		if cut == journal.HeadOnly {
			m.streams[s] = modelStream{head: keep}
		}
		if keep == 0 {
			m.streams[s] = modelStream{head: 1 << 30}
		}
	}
	return m
}

func (m *model) append(s journal.Stream, p []byte) {
	if len(p) == 0 {
		return
	}
	x := &m.streams[s]
	m.added = append(m.added, added{start: m.end, width: int64(len(p)), stream: s, off: int64(len(x.all))})
	m.end += int64(len(p))
	x.all = append(x.all, p...)
	if len(x.all) > x.head+x.tail {
		x.hole = max(x.hole, len(x.all)-x.tail)
	}
}

func (m *model) note(code uint8, width int64) {
	m.added = append(m.added, added{start: m.end, width: width, note: true, code: code})
	m.end += width
}

func (m *model) noteDetail(code uint8, detail uint64) {
	m.note(code, 1)
	m.added[len(m.added)-1].detail = detail
}

func (m *model) forget() {
	for s := range m.streams {
		if x := &m.streams[s]; len(x.all) > 0 {
			x.head, x.tail, x.hole = 0, x.head+x.tail, len(x.all)
		}
	}
}

func (x *modelStream) kept() (head, tail []byte) {
	if x.hole > x.head {
		return x.all[:x.head], x.all[x.hole:]
	}
	return x.all, nil
}

// at returns what stands at a cursor.
func (m *model) at(cursor int64) added {
	return m.added[sort.Search(len(m.added), func(i int) bool { return m.added[i].start > cursor })-1]
}

// check compares all that a reader gets from a cursor on.
func (m *model) check(t rapid.TB, j *journal.Journal, from int64) {
	t.Helper()
	at := from
	var got [2]int64
	for _, r := range readAll(j, from) {
		if r.Cursor != at || r.Width <= 0 {
			t.Fatalf("a record of %d at %d, want it at %d", r.Width, r.Cursor, at)
		}
		at += r.Width
		a := m.at(r.Cursor)
		switch r.Kind {
		case journal.Note:
			if !a.note || r.Code != a.code || r.Detail != a.detail || at != a.start+a.width {
				t.Fatalf("note %+v where %+v was added", pieceOf(&r), a)
			}
		case journal.Gap:
			got[r.Stream] += r.Width
		case journal.Output:
			got[r.Stream] += r.Width
			m.checkOutput(t, &r, a)
		}
	}
	if at != max(from, m.end) || j.End() != m.end {
		t.Fatalf("read to %d, end is %d, want %d", at, j.End(), m.end)
	}
	if from > 0 {
		return // how much of each stream there was is known below
	}
	for s, x := range m.streams {
		if got[s] != int64(len(x.all)) {
			t.Fatalf("stream %d: %d bytes delivered or skipped, %d produced", s, got[s], len(x.all))
		}
	}
}

func (m *model) checkOutput(t rapid.TB, r *journal.Record, a added) {
	t.Helper()
	off := a.off + r.Cursor - a.start
	all := m.streams[r.Stream].all
	last := m.at(r.Cursor + r.Width - 1)
	switch {
	case a.note || a.stream != r.Stream || int64(len(r.Data)) != r.Width:
		t.Fatalf("output %+v where %+v was added", pieceOf(r), a)
	case last.note || last.stream != r.Stream || last.off+r.Cursor+r.Width-last.start != off+r.Width:
		t.Fatalf("output %+v holds more than one run", pieceOf(r))
	case !bytes.Equal(all[off:off+r.Width], r.Data):
		t.Fatalf("at %d of stream %v: got %q, want %q", off, r.Stream, r.Data, all[off:off+r.Width])
	case r.Line != int64(bytes.Count(all[:off], []byte{'\n'})):
		t.Fatalf("at %d of stream %v: line %d", off, r.Stream, r.Line)
	}
}

// checkKept compares what is kept, to the byte, and the totals.
func (m *model) checkKept(t rapid.TB, j *journal.Journal) {
	t.Helper()
	for s := range m.streams {
		x := &m.streams[s]
		head, tail := x.kept()
		gotHead, gotTail := j.Kept(journal.Stream(s))
		if !bytes.Equal(head, gotHead) || !bytes.Equal(tail, gotTail) {
			t.Fatalf("stream %d: kept %d and %d bytes, want %d and %d, or others", s, len(gotHead), len(gotTail), len(head), len(tail))
		}
		count := func(p []byte) int64 { return int64(bytes.Count(p, []byte{'\n'})) }
		want := journal.Totals{
			Bytes: int64(len(x.all)), Lines: count(x.all), Omitted: int64(len(x.all) - len(head) - len(tail)),
			OmittedLines: count(x.all) - count(head) - count(tail),
		}
		if n := len(x.all); n > 0 && x.all[n-1] != '\n' {
			want.Lines++
		}
		if diff := cmp.Diff(want, j.Totals(journal.Stream(s))); diff != "" {
			t.Fatalf("totals of stream %d (-want +got):\n%s", s, diff)
		}
	}
}

func drawBytes(t *rapid.T) []byte {
	size := rapid.OneOf(rapid.IntRange(0, 5), rapid.IntRange(0, 600), rapid.IntRange(0, 20), rapid.SampledFrom([]int{segment - 1, segment, segment + 1, 3 * segment})).Draw(t, "size")
	pattern := rapid.SliceOfN(rapid.SampledFrom([]byte("ab\n\r\x00\xff")), 1, 12).Draw(t, "pattern")
	return bytes.Repeat(pattern, size/len(pattern)+1)[:size]
}

// What a journal gives is what a plain list of all that was added gives.
func TestJournal_IsAList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// Small bounds stay below the one of the index, where the middle goes for want of
		// entries (see index_test.go): of two streams of n bytes that alternate, up to 2n
		// runs are kept with as many between them that are gone, and there are 768.
		keep := rapid.OneOf(rapid.Just(0), rapid.IntRange(1, 150), rapid.IntRange(100_000, 300_000)).Draw(t, "keep")
		cut := rapid.SampledFrom([]journal.Head{journal.HeadAndTail, journal.HeadOnly}).Draw(t, "cut")
		budget := journal.NewBudget(1<<40, nil)
		j := journal.New(&journal.Options{KeepBytes: int64(keep), Cut: cut, Budget: budget})
		m := newModel(keep, cut)
		closed := false
		add := func(do func()) {
			if !closed {
				do()
			}
		}
		streamOf := rapid.SampledFrom([]journal.Stream{journal.Stdout, journal.Stderr})
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				s, p := streamOf.Draw(t, "stream"), drawBytes(t)
				j.Append(s, p)
				add(func() { m.append(s, p) })
			},
			"alternate": func(t *rapid.T) {
				for i := range rapid.IntRange(1, 300).Draw(t, "times") {
					s, p := journal.Stream(i&1), []byte{byte('a' + i%26)}
					j.Append(s, p)
					add(func() { m.append(s, p) })
				}
			},
			"note": func(t *rapid.T) {
				code, width := rapid.Byte().Draw(t, "code"), rapid.Int64Range(1, 3).Draw(t, "width")
				j.Note(code, width)
				add(func() { m.note(code, width) })
			},
			"detail": func(t *rapid.T) {
				code, detail := rapid.Byte().Draw(t, "code"), rapid.Uint64Range(0, 1<<52-1).Draw(t, "detail")
				j.NoteDetail(code, detail)
				add(func() { m.noteDetail(code, detail) })
			},
			"close": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					j.Close(7, 2)
					add(func() { m.note(7, 2) })
					closed = true
				}
			},
			"pack": func(*rapid.T) { j.Pack() },
			"forget": func(t *rapid.T) {
				if rapid.IntRange(0, 4).Draw(t, "really") == 0 {
					before := budget.Used()
					if freed := j.Forget(); before-freed != budget.Used() {
						t.Fatalf("freed %d of %d, %d are left", freed, before, budget.Used())
					}
					m.forget()
				}
			},
			"read": func(t *rapid.T) { m.check(t, j, rapid.Int64Range(0, m.end+2).Draw(t, "from")) },
			"": func(t *rapid.T) {
				m.check(t, j, 0)
				m.checkKept(t, j)
			},
		})
	})
}
