package journal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// readOne reads the next record, and waits for it.
func readOne(ctx context.Context, j *journal.Journal, from int64) (journal.Record, error) {
	buf := make([]journal.Record, 1)
	_, _, err := j.Read(ctx, from, buf)
	return buf[0], err
}

// inFull is all of a record, with details and times.
func inFull(j *journal.Journal) []string {
	var all []string
	for _, r := range readAll(j, 0) {
		all = append(all, fmt.Sprintf("%+v %d %d", pieceOf(&r), r.Detail, r.Time.UnixNano()))
	}
	return all
}

// An engine notes what happens before the start in memory; what is started goes on
// disk. Nobody who reads sees a difference.
func TestJournal_MovesToDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "record")
		budget := journal.NewBudget(1<<20, func() {})
		j := journal.New(&journal.Options{Budget: budget})
		j.Note(1, 1)
		for i := range uint64(1000) { // an index that the budget counts
			j.NoteDetail(2, i)
		}
		before, end := inFull(j), j.End()
		var next journal.Record
		var notified bool
		var reader sync.WaitGroup
		reader.Go(func() {
			var err error
			if next, err = readOne(t.Context(), j, end); err != nil {
				t.Error(err)
			}
		})
		j.Notify(end, func() { notified = true })
		synctest.Wait()
		if err := j.MoveTo(journal.At(dir), 0); err != nil {
			t.Fatal(err)
		}
		if budget.Used() != 0 {
			t.Errorf("%d bytes of memory are counted for a record on disk", budget.Used())
		}
		if diff := cmp.Diff(before, inFull(j)); diff != "" {
			t.Errorf("what was there is another (-want +got):\n%s", diff)
		}
		j.Append(journal.Stdout, []byte("hello\n"))
		reader.Wait()
		if string(next.Data) != "hello\n" || next.Cursor != end || !notified {
			t.Errorf("who waited got %+v, notified: %v", pieceOf(&next), notified)
		}
		j.Close(last, 2)
		opened, err := journal.Open(dir)
		other := must(t, opened, err)
		if diff := cmp.Diff(inFull(j), inFull(other)); diff != "" {
			t.Errorf("another process reads (-want +got):\n%s", diff)
		}
		if err := errors.Join(j.Err(), j.Release(), other.Release()); err != nil {
			t.Error(err)
		}
	})
}

// Who notes something at that moment need not know.
func TestJournal_MovesToDiskWhileItIsWritten(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 200
	j := journalOf(0, journal.HeadAndTail)
	var group sync.WaitGroup
	for i := range uint8(writers) {
		group.Go(func() {
			for n := range uint64(each) {
				j.NoteDetail(i, n)
				j.End()
				j.Totals(journal.Stdout)
			}
		})
	}
	dir := filepath.Join(t.TempDir(), "record")
	if err := j.MoveTo(journal.At(dir), 0); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	opened, err := journal.Open(dir)
	for who, j := range map[string]*journal.Journal{"writer": j, "reader": must(t, opened, err)} {
		var next [writers]uint64
		for _, r := range readAll(j, 0) {
			if r.Detail != next[r.Code] {
				t.Fatalf("%s: note %d of %d comes after %d", who, r.Detail, r.Code, next[r.Code])
			}
			next[r.Code]++
		}
		if j.End() != writers*each {
			t.Errorf("%s: %d notes, want %d", who, j.End(), writers*each)
		}
		if err := errors.Join(j.Err(), j.Release()); err != nil {
			t.Error(err)
		}
	}
}

// What cannot be moved stays what it was.
func TestJournal_CannotBeMoved(t *testing.T) {
	t.Parallel()
	taken := t.TempDir()
	lost := errors.New("nowhere")
	for name, at := range map[string]struct {
		where  journal.Place
		before func(j *journal.Journal)
		want   error
	}{
		"output":  {before: func(j *journal.Journal) { j.Append(journal.Stdout, []byte("x")) }},
		"closed":  {before: func(j *journal.Journal) { j.Close(last, 1) }},
		"packed":  {before: func(j *journal.Journal) { j.Close(last, 1); j.Pack() }},
		"taken":   {where: journal.At(taken), want: fs.ErrExist},
		"missing": {where: journal.At(filepath.Join(taken, "not", "there")), want: fs.ErrNotExist},
		"nowhere": {where: func() (string, error) { return "", lost }, want: lost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "record")
			if at.where == nil {
				at.where = journal.At(dir)
			}
			j := journalOf(0, journal.HeadAndTail)
			j.Note(1, 1)
			if at.before != nil {
				at.before(j)
			}
			before := inFull(j)
			err := j.MoveTo(at.where, 0)
			if err == nil || at.want != nil && !errors.Is(err, at.want) {
				t.Errorf("got %v, want %v", err, at.want)
			}
			if diff := cmp.Diff(before, inFull(j)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("something is left: %v", err)
			}
		})
	}
}

// An engine makes the record, hands it over to who runs the command, and reads along;
// a second engine finds it later.
func TestJournal_IsHandedOver(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "record")
	engine := journalOf(0, journal.HeadAndTail)
	engine.Note(1, 1)
	if err := errors.Join(engine.MoveTo(journal.At(dir), 0), engine.HandOver()); err != nil {
		t.Fatal(err)
	}
	engine.Note(8, 1)
	engine.Append(journal.Stdout, []byte("nobody has"))
	engine.Close(8, 1)

	resumed, err := journal.Resume(dir)
	supervisor := must(t, resumed, err)
	supervisor.Note(2, 1)
	supervisor.Append(journal.Stdout, []byte("working\n"))
	refresh(t, engine)
	want := []piece{
		{Kind: journal.Note, Width: 1, Code: 1},
		{Kind: journal.Note, Cursor: 1, Width: 1, Code: 2},
		{Cursor: 2, Width: 8, Data: "working\n"},
	}
	if diff := cmp.Diff(want, pieces(engine, 0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	second := journalOf(0, journal.HeadAndTail)
	if err := second.Follow(journal.At(dir)); err != nil {
		t.Fatal(err)
	}
	supervisor.Close(last, 2)
	refresh(t, engine)
	refresh(t, second)
	if diff := cmp.Diff(inFull(supervisor), inFull(second)); diff != "" {
		t.Errorf("who follows (-want +got):\n%s", diff)
	}
	if !engine.Closed() || !second.Closed() {
		t.Error("the end is not seen")
	}
	if err := errors.Join(supervisor.Err(), supervisor.Release(), engine.Release(), second.Release()); err != nil {
		t.Error(err)
	}
}

func TestJournal_OnlyWhatIsOnDiskIsHandedOver(t *testing.T) {
	t.Parallel()
	j := journalOf(0, journal.HeadAndTail)
	if err := j.HandOver(); err == nil {
		t.Error("a journal in memory was handed over")
	}
	if j.Note(1, 1); j.End() != 1 {
		t.Error("and does not go on")
	}
}

// Who waits for a journal before it follows a record is woken by what is there, and
// goes on with what comes.
func TestJournal_FollowsWithReaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "record")
		created, err := journal.Create(dir, 0)
		w := must(t, created, err)
		j := journalOf(0, journal.HeadAndTail)
		var got string
		var reader sync.WaitGroup
		reader.Go(func() {
			for at := int64(0); ; {
				r, err := readOne(t.Context(), j, at)
				if errors.Is(err, io.EOF) {
					return
				}
				got, at = got+string(r.Data), r.Cursor+r.Width
			}
		})
		synctest.Wait()
		if err := j.Follow(journal.At(dir)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.Append(journal.Stdout, []byte("a"))
		refresh(t, j)
		w.Append(journal.Stderr, []byte("b"))
		w.Close(last, 1)
		refresh(t, j)
		if reader.Wait(); got != "ab" {
			t.Errorf("got %q", got)
		}
		if err := errors.Join(w.Release(), j.Release()); err != nil {
			t.Error(err)
		}
	})
}

func TestJournal_CannotFollow(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "record")
	created, err := journal.Create(dir, 0)
	if w := must(t, created, err); w.Release() != nil {
		t.Fatal("release")
	}
	j := journalOf(0, journal.HeadAndTail)
	if err := j.Follow(journal.At(filepath.Join(dir, "not"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that it is not there", err)
	}
	j.Note(1, 1)
	if err := j.Follow(journal.At(dir)); err == nil || j.End() != 1 {
		t.Errorf("a journal that is not empty follows, and ends at %d: %v", j.End(), err)
	}
}

// What was to be started and was not goes on in memory, with the notes that it had and
// the readers that wait, and can be moved again.
func TestJournal_IsTakenBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	budget := journal.NewBudget(1<<20, func() {})
	j := journal.New(&journal.Options{Budget: budget})
	for i := range uint64(1000) {
		j.NoteDetail(2, i)
	}
	before, used := inFull(j), budget.Used()
	for round := range 3 {
		if err := j.MoveTo(journal.At(filepath.Join(dir, fmt.Sprint(round))), 0); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(j.HandOver(), j.TakeBack(), j.TakeBack()); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(dir, fmt.Sprint(round))); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, inFull(j)); diff != "" || budget.Used() != used {
			t.Errorf("%d bytes of %d; %s", budget.Used(), used, diff)
		}
	}
	j.Append(journal.Stdout, []byte("here"))
	j.Close(9, 1)
	if head, _ := j.Kept(journal.Stdout); string(head) != "here" || !j.Closed() {
		t.Errorf("it goes on with %q", head)
	}
}

// A record is sealed between the moment in which somebody hears where it is and the one in
// which they open it. What had become of the execution could not be found out then.
func TestOpenAt_AsksAgainWhatMoves(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "record")
	j, err := journal.Create(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	j.Append(journal.Stdout, []byte("hello\n"))
	if err := j.Release(); err != nil {
		t.Fatal(err)
	}
	moved := dir + ".moved"
	asked := 0
	place := func() (string, error) {
		if asked++; asked > 1 {
			return moved, nil
		}
		return dir, os.Rename(dir, moved)
	}
	read, err := journal.OpenAt(place)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := read.Kept(journal.Stdout); string(got) != "hello\n" {
		t.Errorf("it has %q", got)
	}
	if err := read.Release(); err != nil {
		t.Error(err)
	}
}
