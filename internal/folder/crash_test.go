//go:build unix

package folder_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// life is what happened to an execution, and what was acknowledged after how many
// changes of the volume.
type life struct {
	*volume

	described []acknowledged // each Describe
	ended     acknowledged   // End
	synced    acknowledged   // journal.Sync: all of the record so far
	sealed    int            // Seal
	all, kept picture        // what was recorded, and what the bound keeps of it
	seed      maphash.Seed
	seen      map[uint64]bool
}

// acknowledged is a call that returned: begun and done after so many changes.
type acknowledged struct {
	text        string
	begun, done int
	end         int // of the record, by then
}

// The text that endings of a program have that finds an execution which nobody runs.
const lost = "lost"

// live runs an execution from its start to its seal, as the engine and its supervisor
// do, with a volume that listens. Keep bounds the record; each seed is another life.
func live(t *testing.T, keep int64, seed uint64) *life {
	t.Helper()
	root := inMemory(t)
	s := openState(t, root)
	l := &life{volume: newVolume(t, root), seed: maphash.MakeSeed(), seen: map[uint64]bool{}}
	s.Trace(l.step)
	f := create(t, s, "one")
	path, err := f.RecordPath()
	must(t, err)
	describe := func(text string) {
		a := acknowledged{text: text, begun: len(l.changes)}
		must(t, f.Describe(note{text}))
		a.done = len(l.changes)
		l.described = append(l.described, a)
	}
	describe("starting")
	engine, all := journal.New(&journal.Options{}), journal.New(&journal.Options{})
	for code := range uint8(3) {
		engine.Note(code, 1)
		all.Note(code, 1)
	}
	must(t, errors.Join(engine.MoveTo(f.RecordPath, keep), engine.HandOver()))
	l.made(path, true)
	l.look(path)
	j, err := journal.Resume(path)
	must(t, err)
	l.look(path)
	describe("running")
	random := rand.New(rand.NewPCG(3, seed))
	for i := range 32 {
		kind := random.IntN(4)
		for _, j := range []*journal.Journal{j, all} {
			write(j, i, kind, keep > 0)
		}
		if l.look(path); i == 24 {
			describe("still running")
		}
	}
	l.synced.begun = len(l.changes)
	must(t, j.Sync())
	l.syncAll(path)
	l.ordered = true
	l.synced.done, l.synced.end = len(l.changes), int(j.End())
	l.ended = acknowledged{text: "completed", begun: len(l.changes)}
	must(t, f.End(note{"completed"}))
	l.ended.done = len(l.changes)
	j.Close(closing, 2)
	all.Close(closing, 2)
	l.look(path)
	l.all, l.kept = pictureOf(all), pictureOf(j)
	must(t, errors.Join(j.Err(), j.Release()))
	if gap := bytes.IndexByte(l.kept.kinds, gapOf(journal.Stdout)) >= 0; gap != (keep > 0) {
		t.Fatalf("bound %d, and a gap: %v", keep, gap)
	}
	must(t, f.Seal())
	l.sealed = len(l.changes)
	return l
}

// write adds the next thing to a record: much of it where it is bounded.
func write(j *journal.Journal, i, kind int, much bool) {
	switch kind {
	case 0:
		j.Note(uint8(3+i), 1)
	case 1:
		j.Append(journal.Stderr, fmt.Appendf(nil, "oops %d\n", i))
	default:
		p := fmt.Appendf(nil, "%d times %d is %d\n", i, i, i*i)
		if much {
			p = bytes.Repeat(p, 2<<10)
		}
		j.Append(journal.Stdout, p)
	}
}

// inMemory is a folder on no device, where the system has one, because tens of thousands of
// times something is synced here.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "folder-test-") //nolint:usetesting // t.TempDir is on a device
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

// state is one that a crash may leave.
type state struct {
	what    string
	changes int // so many were made
	files   map[string][]byte
	flipped bool // a bit is another than was written
}

// check opens what a crash left, reads all, mends it as the next program does that
// opens the directory, and reads it again.
func (l *life) check(t *testing.T, c *state) {
	t.Helper()
	dir := filepath.Join(l.root, fmt.Sprint(len(l.seen)))
	must(t, os.Mkdir(dir, 0o700))
	put(t, dir, c.files)
	defer func() { must(t, os.RemoveAll(dir)) }()
	s, err := folder.Open(dir)
	if err != nil {
		t.Errorf("%s: %v", c.what, err)
		return
	}
	s.Relax()
	f, err := s.Find("one")
	if errors.Is(err, fs.ErrNotExist) {
		if l.described[0].done <= c.changes {
			t.Errorf("%s: what was described is not there", c.what)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", c.what, err)
		return
	}
	first := l.read(t, c, f)
	for _, when := range []string{"mended", "mended again"} {
		if err := reconcile(s, f); err != nil && (!c.flipped || first.whole()) {
			t.Errorf("%s, %s: %v", c.what, when, err)
			return
		}
		now := l.reread(t, c, f)
		switch {
		case now == first.ending:
		case first.ending == "" && now == lost && !first.ended:
			first.ending = now
		case c.flipped && now == "":
		default:
			t.Errorf("%s, %s: the ending was %q, and is %q", c.what, when, first.ending, now)
		}
	}
}

// found is what was found of an execution.
type found struct {
	ending  string // empty: none
	ended   bool   // one is there, read or not
	damaged error
}

func (f *found) whole() bool { return f.damaged == nil }

// read reads an execution, and checks it against what was acknowledged.
func (l *life) read(t *testing.T, c *state, f *folder.Folder) (what found) {
	t.Helper()
	var n note
	err := f.Ending(&n)
	what.ending, what.ended = n.Text, !errors.Is(err, fs.ErrNotExist)
	switch {
	case err == nil && n.Text == l.ended.text && l.ended.begun <= c.changes:
	case errors.Is(err, fs.ErrNotExist) && l.ended.done > c.changes:
	case errors.Is(err, folder.ErrDamaged) && c.flipped:
		what.damaged = err
	default:
		t.Errorf("%s: the ending is %q, %v", c.what, n.Text, err)
	}
	n.Text = ""
	err = f.Description(&n)
	var might []string
	for _, d := range l.described {
		switch {
		case d.done <= c.changes:
			might = []string{d.text}
		case d.begun <= c.changes:
			might = append(might, d.text)
		}
	}
	switch {
	case err == nil && slices.Contains(might, n.Text):
	case errors.Is(err, fs.ErrNotExist) && l.described[0].done > c.changes:
	case errors.Is(err, folder.ErrDamaged) && c.flipped:
		what.damaged = err
	default:
		t.Errorf("%s: the description is %q, %v, want one of %q", c.what, n.Text, err, might)
	}
	if err := l.checkRecord(t, c, f); err != nil {
		what.damaged = err
	}
	return what
}

// checkRecord checks that all that can be read of the record was written, and that it has all that
// was acknowledged.
func (l *life) checkRecord(t *testing.T, c *state, f *folder.Folder) (damaged error) {
	t.Helper()
	j, err := journal.OpenAt(f.RecordPath)
	acknowledged := l.synced.done <= c.changes && !c.flipped
	if err != nil {
		if acknowledged || !errors.Is(err, journal.ErrFormat) && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", c.what, err)
		}
		return err
	}
	defer func() { _ = j.Release() }()
	if f.Sealed() && !j.Closed() {
		t.Errorf("%s: who reads the sealed record waits for ever", c.what)
	}
	got := pictureOf(j)
	for i := range got.differences(&l.all) {
		switch {
		case i >= l.all.end():
			if !c.flipped || !got.lost(i) {
				t.Errorf("%s: it ends at %d, and ended at %d", c.what, got.end(), l.all.end())
			}
			return nil
		case acknowledged && i < l.synced.end && got.at(i) != l.kept.at(i), !got.lost(i):
			t.Errorf("%s: at %d is %v, want %v, as is kept", c.what, i, got.at(i), l.kept.at(i))
			return nil
		}
	}
	if acknowledged && got.end() < l.synced.end {
		t.Errorf("%s: it ends at %d, and was synced to %d", c.what, got.end(), l.synced.end)
	}
	if j.Closed() && got.end() != l.all.end() && !c.flipped {
		t.Errorf("%s: the record is closed at %d, and was at %d", c.what, got.end(), l.all.end())
	}
	return nil
}

// reread reads the ending once more, and the record.
func (l *life) reread(t *testing.T, c *state, f *folder.Folder) (ending string) {
	t.Helper()
	var n note
	if err := f.Ending(&n); err != nil && !c.flipped {
		t.Errorf("%s: %v", c.what, err)
	}
	if j, err := journal.OpenAt(f.RecordPath); err == nil {
		got := pictureOf(j)
		for i := range got.differences(&l.all) {
			if i < l.all.end() && got.kinds[i] <= byte(journal.Stderr) { // what is mended ends with other notes
				t.Errorf("%s: at %d is %v, want %v", c.what, i, got.at(i), l.all.at(i))
				break
			}
		}
		_ = j.Release()
	}
	return n.Text
}

// reconcile does what the next program does that opens the directory: what nobody
// runs and has no ending is lost; its record is closed, and it is sealed.
func reconcile(s *folder.State, f *folder.Folder) error {
	ids, err := s.Active()
	if err != nil || !slices.Contains(ids, f.ID()) {
		return err
	}
	if got, err := f.Claim(); err != nil || !got {
		return fmt.Errorf("claimed: %v, %w", got, err)
	}
	defer func() { _ = f.Release() }()
	if err := f.Ending(nil); errors.Is(err, fs.ErrNotExist) {
		if err := f.End(note{lost}); err != nil {
			return err
		}
	}
	path, err := f.RecordPath()
	if err != nil {
		return err
	}
	switch j, err := journal.Resume(path); {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, journal.ErrFormat):
	case err != nil:
		return err
	default:
		j.Close(closing, 2)
		if err := errors.Join(j.Err(), j.Release()); err != nil {
			return err
		}
	}
	return f.Seal()
}

// crashes are the states after each change: all of it there; the last change torn; of
// what was not synced nothing, and any part.
func (l *life) crashes(each int, yield func(state) bool) {
	for n := range len(l.changes) + 1 {
		at := func(what string, kept func(i, bytes int) int) bool {
			return yield(state{what: fmt.Sprintf("after %d of %d changes, %s", n, len(l.changes), what), changes: n, files: l.after(n, kept).files()})
		}
		if !at("all kept", func(_, bytes int) int { return bytes }) || !at("nothing kept", func(int, int) int { return 0 }) {
			return
		}
		random := rand.New(rand.NewPCG(7, uint64(n)))
		for try := range each {
			torn := try%2 == 0
			if !at(fmt.Sprintf("try %d", try), func(i, bytes int) int {
				switch {
				case torn && i < n-1:
					return bytes
				case torn, random.IntN(3) == 0:
					return random.IntN(bytes + 1)
				default:
					return random.IntN(2) * bytes
				}
			}) {
				return
			}
		}
	}
}

// flips are bits that flip in a state without a crash: one in as many bytes of each file.
func (l *life) flips(changes, step int, yield func(state) bool) {
	files := l.after(changes, func(_, bytes int) int { return bytes }).files()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, "/reserve") {
			continue // nobody reads it
		}
		for at := 0; at < len(files[name]); at += step {
			flipped := maps.Clone(files)
			flipped[name] = bytes.Clone(files[name])
			flipped[name][at] ^= 1 << (at % 8)
			c := state{what: fmt.Sprintf("after %d changes, bit %d of byte %d of %s", changes, at%8, at, name), changes: changes, files: flipped, flipped: true}
			if !yield(c) {
				return
			}
		}
	}
}

// CRASH-08, CRASH-09: whatever a crash leaves, between any two steps of a life that is
// sealed at its end, of what was not synced in any order: what was acknowledged is there,
// no ending is read that was not written, none changes, and what can be read of the
// record was written.
func TestFolder_CRASH_IsTrueWhateverIsLeft(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		keep                           int64
		tries, step                    int // in short
		fullTries, fullStep, fullLives int
	}{
		"everything kept":  {0, 10, 13, 250, 1, 3},
		"a bounded record": {256 << 10, 1, 50_021, 15, 2003, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lives := 1
			if os.Getenv("CLOUDOPS_TEST_FULL") == "1" {
				test.tries, test.step, lives = test.fullTries, test.fullStep, test.fullLives
			}
			states := 0
			for seed := range uint64(lives) {
				l := live(t, test.keep, seed)
				l.dies(t, test.tries, test.step)
				states += len(l.seen)
			}
			t.Logf("%d states", states)
		})
	}
}

// dies checks so many tries after each change, and one flipped bit in so many bytes.
func (l *life) dies(t *testing.T, tries, step int) {
	t.Helper()
	check := func(c state) bool {
		if l.isNew(&c) {
			l.check(t, &c)
		}
		return !t.Failed()
	}
	l.crashes(tries, check)
	for _, changes := range []int{l.described[1].done, l.synced.done, l.ended.done, l.sealed} {
		l.flips(changes, step, check)
	}
}

// isNew reports whether there was no such state before.
func (l *life) isNew(c *state) bool {
	var h maphash.Hash
	h.SetSeed(l.seed)
	maphash.WriteComparable(&h, c.changes)
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		_, _ = h.WriteString(name) // never fails
		maphash.WriteComparable(&h, len(c.files[name]))
		_, _ = h.Write(c.files[name])
	}
	sum := h.Sum64()
	is := !l.seen[sum]
	l.seen[sum] = true
	return is
}
