package journal_test

import (
	"context"
	"errors"
	"io"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// reader follows a journal from a cursor on to its end.
type reader struct {
	got  string
	next int64
	err  error
	done chan struct{}
}

func follow(ctx context.Context, j *journal.Journal, from int64) *reader {
	r := &reader{next: from, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		for buf := make([]journal.Record, 2); r.err == nil; {
			var n int
			n, r.next, r.err = j.Read(ctx, r.next, buf)
			for i := range buf[:n] {
				r.got += string(buf[i].Data)
			}
		}
	}()
	return r
}

func TestRead_ReplaysThenFollows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := journalOf(0, journal.HeadAndTail)
		j.Append(journal.Stdout, []byte("before "))
		readers := []*reader{
			follow(t.Context(), j, 0), follow(t.Context(), j, 0), follow(t.Context(), j, 3),
			follow(t.Context(), j, 7), follow(t.Context(), j, 9),
		}
		for _, word := range []string{"one ", "two ", "three "} {
			<-time.After(time.Hour)
			j.Append(journal.Stdout, []byte(word))
		}
		j.Close(1, 1)
		want := []string{
			"before one two three ", "before one two three ", "ore one two three ", "one two three ", "e two three ",
		}
		for i, r := range readers {
			<-r.done
			if diff := cmp.Diff(want[i], r.got); diff != "" || !errors.Is(r.err, io.EOF) || r.next != j.End() {
				t.Errorf("reader %d: %v at %d, want io.EOF at %d (-want +got):\n%s", i, r.err, r.next, j.End(), diff)
			}
		}
	})
}

func TestRead_WaitsForACursorBeyondTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := journalOf(0, journal.HeadAndTail)
		r := follow(t.Context(), j, 5)
		beyond := follow(t.Context(), j, 100)
		j.Append(journal.Stdout, []byte("01234"))
		synctest.Wait()
		if r.next != 5 || r.got != "" {
			t.Errorf("got %q and went to %d", r.got, r.next)
		}
		j.Append(journal.Stdout, []byte("567"))
		j.Close(1, 1)
		<-r.done
		<-beyond.done
		if r.got != "567" || !errors.Is(r.err, io.EOF) {
			t.Errorf("got %q, %v, want 567 and io.EOF", r.got, r.err)
		}
		if beyond.got != "" || beyond.next != 100 || !errors.Is(beyond.err, journal.ErrBeyondEnd) {
			t.Errorf("got %q, %v, want ErrBeyondEnd", beyond.got, beyond.err)
		}
	})
}

func TestRead_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := journalOf(0, journal.HeadAndTail)
		why := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Hour, why)
		defer cancel()
		other := follow(t.Context(), j, 0)
		r := follow(ctx, j, 0)
		<-r.done
		if !errors.Is(r.err, why) {
			t.Errorf("got %v, want the cause", r.err)
		}
		j.Append(journal.Stdout, []byte("x"))
		if n, _, err := j.Read(ctx, 0, make([]journal.Record, 1)); n != 1 || err != nil {
			t.Errorf("what is there was not given to a reader in a hurry: %d, %v", n, err)
		}
		j.Close(1, 1)
		<-other.done
		if other.got != "x" {
			t.Errorf("the other reader got %q", other.got)
		}
	})
}

func TestNotify_CallsOnce(t *testing.T) {
	t.Parallel()
	j := journalOf(0, journal.HeadAndTail)
	calls := 0
	count := func() {
		calls++
		_ = j.End() // no lock is held
	}
	expect := func(want int, when string) {
		t.Helper()
		if calls != want {
			t.Errorf("%s: %d calls, want %d", when, calls, want)
		}
	}
	j.Notify(0, count)
	expect(0, "nothing there")
	j.Append(journal.Stdout, []byte("abc"))
	expect(1, "after an append")
	j.Append(journal.Stdout, []byte("def"))
	expect(1, "after another")
	j.Notify(5, count)
	expect(2, "something behind the cursor")
	j.Notify(8, count)
	j.Append(journal.Stdout, []byte("gh"))
	expect(2, "up to the cursor")
	j.Note(1, 1)
	expect(3, "behind it")
	j.Notify(9, func() { t.Error("the first was not replaced") })
	j.Notify(9, count)
	j.Close(1, 1)
	expect(4, "closed")
	j.Notify(10, count)
	expect(5, "at the end of what is closed")
}

// Who wants only the end waits at a cursor that nothing reaches.
func TestNotify_OfTheEnd(t *testing.T) {
	t.Parallel()
	j := journalOf(0, journal.HeadAndTail)
	ended := false
	j.Notify(math.MaxInt64, func() { ended = true })
	j.Append(journal.Stdout, make([]byte, 1000))
	j.Note(1, 1)
	if ended {
		t.Error("called before the end")
	}
	j.Close(2, 2)
	if !ended {
		t.Error("not called at the end")
	}
}

func TestRead_TimesAreThoseOfTheAppend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := journalOf(0, journal.HeadAndTail)
		var want []time.Time
		add := func(do func()) {
			<-time.After(time.Second + time.Nanosecond)
			want = append(want, time.Now())
			do()
		}
		add(func() { j.Note(1, 1) })
		add(func() { j.Append(journal.Stdout, []byte("x")) })
		add(func() { j.Append(journal.Stdout, []byte("y")) })
		add(func() { j.Append(journal.Stderr, []byte("z")) })
		add(func() { j.Close(2, 2) })
		var got []time.Time
		for _, r := range readAll(j, 0) {
			got = append(got, r.Time)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
