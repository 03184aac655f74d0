package journal_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// rejoin reads a journal to its end, and leaves and comes back as often as it
// likes, each time with what it has, or a little before that.
func rejoin(ctx context.Context, j *journal.Journal, random *rand.Rand) ([2][]byte, error) {
	var got [2][]byte
	type mark struct {
		cursor int64
		sizes  [2]int
	}
	marks := []mark{{}}
	for {
		back := marks[max(0, len(marks)-1-random.IntN(4))]
		for s := range got {
			got[s] = got[s][:back.sizes[s]]
		}
		buf := make([]journal.Record, 1+random.IntN(9))
		at := back.cursor
		for range 1 + random.IntN(20) {
			n, next, err := j.Read(ctx, at, buf)
			if errors.Is(err, io.EOF) {
				return got, nil
			}
			if err != nil {
				return got, err
			}
			at = next
			for i := range buf[:n] {
				r := &buf[i]
				data := r.Data
				if r.Kind == journal.Gap {
					data = make([]byte, r.Width)
				}
				got[r.Stream] = append(got[r.Stream], data...)
			}
			marks = append(marks, mark{at, [2]int{len(got[0]), len(got[1])}})
		}
	}
}

func TestJournal_FiftyReadersComeAndGo(t *testing.T) {
	t.Parallel()
	const readers = 50
	j := journalOf(0, journal.HeadAndTail)
	var group sync.WaitGroup
	var got [readers][2][]byte
	for i := range readers {
		group.Go(func() {
			var err error
			if got[i], err = rejoin(t.Context(), j, rand.New(rand.NewPCG(7, uint64(i)))); err != nil {
				t.Errorf("reader %d: %v", i, err)
			}
		})
	}
	var want [2][]byte
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 3000 {
		s := journal.Stream(random.IntN(2))
		p := bytes.Repeat([]byte{byte('a' + i%26)}, random.IntN(200))
		want[s] = append(want[s], p...)
		j.Append(s, p)
		if i%500 == 0 {
			j.Note(1, 1)
		}
		_, _, _ = j.Totals(s), j.End(), j.Closed()
	}
	j.Close(2, 2)
	group.Wait()
	for i := range got {
		for s := range want {
			if !bytes.Equal(want[s], got[i][s]) {
				t.Errorf("reader %d has %d bytes of stream %d, want %d, or others", i, len(got[i][s]), s, len(want[s]))
			}
		}
	}
}

// Two streams are written at once, bounded, while memory is short and others
// forget, notify and count: what comes is delivered or skipped, all of it.
func TestJournal_EverythingAtOnce(t *testing.T) {
	t.Parallel()
	const each = 2000
	budget := journal.NewBudget(200_000, func() {})
	j := journal.New(&journal.Options{KeepBytes: 100_000, Budget: budget})
	var writers, others sync.WaitGroup
	for s := range journal.Stream(2) {
		writers.Go(func() {
			for i := range each {
				j.Append(s, bytes.Repeat([]byte{'x'}, i%300))
			}
		})
	}
	for i := range 10 {
		others.Go(func() {
			random := rand.New(rand.NewPCG(9, uint64(i)))
			got, err := rejoin(t.Context(), j, random)
			if err != nil || int64(len(got[0])+len(got[1]))+2 > j.End() {
				t.Errorf("reader %d: %d and %d bytes up to %d, %v", i, len(got[0]), len(got[1]), j.End(), err)
			}
		})
	}
	woken := make(chan struct{}, 1)
	others.Go(func() {
		for at := int64(0); !j.Closed(); at = j.End() {
			j.Notify(at, func() { woken <- struct{}{} })
			<-woken
			j.Kept(journal.Stdout)
			j.Cutter(at / 2)
			j.Totals(journal.Stderr)
		}
	})
	writers.Go(func() {
		for range 20 {
			j.Forget()
		}
	})
	writers.Wait()
	j.Close(1, 2)
	others.Wait()
	if j.Forget(); budget.Used() != 0 {
		t.Errorf("%d bytes are in use", budget.Used())
	}
}
