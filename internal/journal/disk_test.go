package journal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// must returns a journal, or ends the test.
func must(t rapid.TB, j *journal.Journal, err error) *journal.Journal {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// refresh has a reader of another's record see what there is.
func refresh(t rapid.TB, j *journal.Journal) {
	t.Helper()
	if _, err := j.Refresh(); err != nil {
		t.Fatal(err)
	}
}

// What is on disk is what a plain list of all that was added is: for its writer, for
// one who reads along, for one who comes late, and for a writer who takes it over.
func TestDisk_IsAList(t *testing.T) {
	t.Parallel()
	root, count := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		count++
		dir := filepath.Join(root, fmt.Sprint(count))
		keep := rapid.OneOf(rapid.Just(0), rapid.IntRange(256<<10, 300<<10)).Draw(t, "keep")
		created, err := journal.Create(dir, int64(keep))
		w := must(t, created, err)
		opened, err := journal.Open(dir)
		along := must(t, opened, err)
		m, closed := newModel(keep, journal.HeadAndTail), false
		add := func(journal, model func()) {
			if journal(); !closed {
				model()
			}
		}
		streamOf := rapid.SampledFrom([]journal.Stream{journal.Stdout, journal.Stderr})
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				s, p := streamOf.Draw(t, "stream"), drawBytes(t)
				add(func() { w.Append(s, p) }, func() { m.append(s, p) })
			},
			"alternate": func(t *rapid.T) {
				for i := range rapid.IntRange(1, 50).Draw(t, "times") {
					s, p := journal.Stream(i&1), []byte{byte('a' + i%26)}
					add(func() { w.Append(s, p) }, func() { m.append(s, p) })
				}
			},
			"note": func(t *rapid.T) {
				code, width := rapid.ByteRange(0, 200).Draw(t, "code"), rapid.Int64Range(1, 3).Draw(t, "width")
				add(func() { w.Note(code, width) }, func() { m.note(code, width) })
			},
			"detail": func(t *rapid.T) {
				code, detail := rapid.ByteRange(0, 200).Draw(t, "code"), rapid.Uint64Range(0, 1<<52-1).Draw(t, "detail")
				add(func() { w.NoteDetail(code, detail) }, func() { m.noteDetail(code, detail) })
			},
			"close": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					add(func() { w.Close(7, 2) }, func() { m.note(7, 2) })
					closed = true
				}
			},
			"forget": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					w.Forget()
					m.forget()
				}
			},
			"resume": func(t *rapid.T) {
				if rapid.IntRange(0, 4).Draw(t, "really") > 0 {
					return
				}
				err := w.Release()
				resumed, failed := journal.Resume(dir)
				w = must(t, resumed, errors.Join(err, failed))
			},
			"read along": func(t *rapid.T) {
				refresh(t, along)
				m.check(t, along, rapid.Int64Range(0, m.end+2).Draw(t, "from"))
				if along.Closed() != closed {
					t.Fatalf("closed: %v, want %v", along.Closed(), closed)
				}
			},
			"come late": func(t *rapid.T) {
				opened, err := journal.Open(dir)
				late := must(t, opened, err)
				m.check(t, late, 0)
				m.checkKept(t, late)
				if err := late.Release(); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) {
				m.check(t, w, rapid.Int64Range(0, m.end).Draw(t, "from"))
				m.checkKept(t, w)
			},
		})
		if err := errors.Join(w.Err(), w.Release(), along.Release(), os.RemoveAll(dir)); err != nil {
			t.Fatal(err)
		}
	})
}

// checkDamaged checks what can be read of a record that is damaged: that it is a
// beginning, and that all that is no gap is true.
func (m *model) checkDamaged(t rapid.TB, j *journal.Journal, what string) {
	t.Helper()
	at := int64(0)
	for _, r := range readAll(j, 0) {
		if r.Cursor != at || r.Width <= 0 || at+r.Width > m.end {
			t.Fatalf("%s: a record of %d at %d, want it at %d", what, r.Width, r.Cursor, at)
		}
		at += r.Width
		switch a := m.at(r.Cursor); {
		case r.Kind == journal.Output:
			m.checkOutput(t, &r, a)
		case r.Kind == journal.Note && r.Code != journal.NoteLost && (!a.note || a.code != r.Code || a.start != r.Cursor):
			t.Fatalf("%s: note %+v where %+v was added", what, pieceOf(&r), a)
		}
	}
	if j.Closed() && at != m.end {
		t.Fatalf("%s: it ends at %d, and ended at %d", what, at, m.end)
	}
	j.Cutter(at / 2)
	_ = j.Totals(journal.Stdout)
}

// small is a record in a folder with everything there is, and the model of it.
func small(t rapid.TB, dir string) *model {
	t.Helper()
	created, err := journal.Create(dir, 0)
	w, m := must(t, created, err), newModel(0, journal.HeadAndTail)
	note := func(code uint8, width int64) {
		w.Note(code, width)
		m.note(code, width)
	}
	appended := func(s journal.Stream, text string) {
		w.Append(s, []byte(text))
		m.append(s, []byte(text))
	}
	note(1, 1)
	note(2, 2)
	for i := range 6 {
		appended(journal.Stdout, fmt.Sprintf("out %d\n", i))
		appended(journal.Stdout, fmt.Sprintf("more of it %d", i*i)) // the same run, in another version
		appended(journal.Stdout, "\n")
		if i%2 == 0 {
			appended(journal.Stderr, fmt.Sprintf("\x00err\xff %d\n", i))
		}
	}
	note(3, 1)
	appended(journal.Stdout, string(bytes.Repeat([]byte("0123456789abcde\n"), 70)))
	w.Close(9, 2)
	m.note(9, 2)
	if err := errors.Join(w.Err(), w.Release()); err != nil {
		t.Fatal(err)
	}
	return m
}

// reads checks what can be read of a record that something was done to.
func (m *model) reads(t *testing.T, dir, what string) {
	t.Helper()
	switch j, err := journal.Open(dir); {
	case err == nil:
		m.checkDamaged(t, j, what)
		_ = j.Release()
	case !errors.Is(err, journal.ErrFormat):
		t.Errorf("%s: %v", what, err)
	}
}

// recorded are the files of a small record.
func recorded() []string { return []string{"index", "stdout.000000", "stderr.000000"} }

// A writer that dies leaves a beginning of its files: whatever that is, what can be
// read of it was written.
func TestDisk_IsCutAnywhere(t *testing.T) {
	t.Parallel()
	for _, name := range recorded() {
		dir := filepath.Join(t.TempDir(), "record")
		m := small(t, dir)
		path := filepath.Join(dir, name)
		file, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		for n := file.Size() - 1; n >= 0; n-- {
			if err := os.Truncate(path, n); err != nil {
				t.Fatal(err)
			}
			m.reads(t, dir, fmt.Sprintf("%s cut to %d of %d bytes", name, n, file.Size()))
		}
	}
}

// A bit that flips costs what it is in, and is never read as something else.
func TestDisk_ABitFlips(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "record")
	m := small(t, dir)
	for _, name := range recorded() {
		path := filepath.Join(dir, name)
		p, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p {
			overwrite(t, path, int64(i), []byte{p[i] ^ 1<<(i%8)})
			m.reads(t, dir, fmt.Sprintf("%s, bit %d of byte %d", name, i%8, i))
			overwrite(t, path, int64(i), p[i:i+1])
		}
	}
}

// overwrite changes bytes of a file.
func overwrite(t *testing.T, path string, at int64, p []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(p, at)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// Parts of an index.
const (
	headerSize = 256
	slotSize   = 64
)

// Slots that are gone, doubled or swapped.
func TestDisk_IsDamagedAtWill(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "record")
	m := small(t, dir)
	path := filepath.Join(dir, "index")
	index, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	slots := (len(index) - headerSize) / slotSize
	rapid.Check(t, func(rt *rapid.T) {
		slot := func(p []byte, name string) []byte {
			return p[headerSize+slotSize*rapid.IntRange(0, slots-1).Draw(rt, name):][:slotSize]
		}
		p := bytes.Clone(index)
		for range rapid.IntRange(1, 6).Draw(rt, "times") {
			from, to := slot(p, "from"), slot(p, "to")
			a, b := bytes.Clone(from), bytes.Clone(to)
			switch rapid.SampledFrom([]string{"zero", "copy", "swap"}).Draw(rt, "what") {
			case "zero":
				clear(from)
			case "copy":
				copy(to, a)
			default:
				copy(to, a)
				copy(from, b)
			}
		}
		overwrite(t, path, 0, p)
		m.reads(t, dir, "damage at will")
	})
}

// One slot that is damaged costs no more than what it is about.
func TestDisk_ADamagedSlotCostsItself(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "record")
	m := small(t, dir)
	path := filepath.Join(dir, "index")
	index, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := headerSize; at < len(index)-slotSize; at += slotSize {
		slot := index[at : at+slotSize]
		overwrite(t, path, int64(at), make([]byte, slotSize))
		opened, err := journal.Open(dir)
		j := must(t, opened, err)
		m.checkDamaged(t, j, "a slot is gone")
		width := int64(binary.LittleEndian.Uint64(slot[8:]) - binary.LittleEndian.Uint64(slot))
		if lost := j.Totals(journal.Stdout).Omitted + j.Totals(journal.Stderr).Omitted; lost > width || j.End() != m.end {
			t.Errorf("without the slot at %d, of %d bytes, %d are lost, and it ends at %d of %d", at, width, lost, j.End(), m.end)
		}
		_ = j.Release()
		overwrite(t, path, int64(at), slot)
	}
}

// A disk that is full makes a gap of exactly what could not be written, and no
// more: the other stream goes on, and so does this one when there is room again.
func TestDisk_IsFull(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("needs a device that is always full: ", err)
	}
	dir := filepath.Join(t.TempDir(), "record")
	created, err := journal.Create(dir, 0)
	j := must(t, created, err)
	full := filepath.Join(dir, "stderr.000000")
	if err := os.Symlink("/dev/full", full); err != nil {
		t.Fatal(err)
	}
	j.Append(journal.Stdout, []byte("before\n"))
	j.Append(journal.Stderr, []byte("gone\nlost"))
	j.Append(journal.Stdout, []byte("meanwhile\n"))
	if !errors.Is(j.Err(), syscall.ENOSPC) {
		t.Errorf("got %v, want ENOSPC", j.Err())
	}
	if err := os.Remove(full); err != nil {
		t.Fatal(err)
	}
	j.Append(journal.Stderr, []byte(" lines\nafter\n"))
	j.Close(9, 1)
	opened, err := journal.Open(dir)
	for who, j := range map[string]*journal.Journal{"writer": j, "reader": must(t, opened, err)} {
		var got string
		for _, r := range readAll(j, 0) {
			got += fmt.Sprintf("%d%s%d ", r.Kind, r.Data, r.Width)
		}
		if want := "0before\n7 19 0meanwhile\n10 0 lines\nafter\n13 21 "; got != want {
			t.Errorf("%s got %q, want %q", who, got, want)
		}
		want := journal.Totals{Bytes: 22, Lines: 3, Omitted: 9, OmittedLines: 1}
		if got := j.Totals(journal.Stderr); got != want {
			t.Errorf("%s: totals %+v, want %+v", who, got, want)
		}
		if err := j.Release(); err != nil {
			t.Error(err)
		}
	}
}

// A bound is exact to the byte on disk too, however small, also for who opens it later.
func TestDisk_KeepsExactlyWhatItsBoundSays(t *testing.T) {
	t.Parallel()
	for _, keep := range []int64{2, 3, 1000, 100_000} {
		dir := filepath.Join(t.TempDir(), "record")
		j, err := journal.Create(dir, keep)
		if err != nil {
			t.Fatal(err)
		}
		var all []byte
		for n := 0; len(all) < 400_000; n++ {
			piece := bytes.Repeat([]byte{byte(n)}, n%7000+1)
			j.Append(journal.Stdout, piece)
			all = append(all, piece...)
		}
		j.Close(1, 1)
		if err := j.Release(); err != nil {
			t.Fatal(err)
		}
		later, err := journal.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		for name, is := range map[string]*journal.Journal{"writer": j, "reader": later} {
			head, tail := is.Kept(journal.Stdout)
			if h := int(keep - keep/2); !bytes.Equal(head, all[:h]) || !bytes.Equal(tail, all[len(all)-int(keep/2):]) {
				t.Errorf("%s of %d: %d and %d bytes are kept, or others", name, keep, len(head), len(tail))
			}
			if got := is.Totals(journal.Stdout).Omitted; got != int64(len(all))-keep {
				t.Errorf("%s of %d: %d bytes are left out, want %d", name, keep, got, int64(len(all))-keep)
			}
		}
		if err := later.Release(); err != nil {
			t.Fatal(err)
		}
	}
}
