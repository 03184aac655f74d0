package journal_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

const segment = 64 << 10

func TestBudget_NilBoundsNothing(t *testing.T) {
	t.Parallel()
	var none *journal.Budget
	j := journal.New(&journal.Options{Budget: none})
	j.Append(journal.Stdout, make([]byte, 1<<20))
	if none.Used() != 0 || none.Excess() != 0 || j.Totals(journal.Stdout).Omitted != 0 {
		t.Errorf("used %d, excess %d, %+v", none.Used(), none.Excess(), j.Totals(journal.Stdout))
	}
}

// Many journals together stay below the limit while they run, and each says what
// it gave up for it.
func TestBudget_BoundsWhatRuns(t *testing.T) {
	t.Parallel()
	const limit, count, chunks = 4 << 20, 20, 200
	budget := journal.NewBudget(limit, nil)
	options := &journal.Options{KeepBytes: 10 << 20, Budget: budget}
	var journals []*journal.Journal
	for range count {
		journals = append(journals, journal.New(options))
	}
	chunk := numbered(10_000)
	for range chunks {
		for _, j := range journals {
			j.Append(journal.Stdout, chunk)
			if most := int64(limit + count*segment); budget.Used() > most {
				t.Fatalf("%d bytes are in use, want at most %d", budget.Used(), most)
			}
		}
	}
	all, held := bytes.Repeat(chunk, chunks), 0
	for i, j := range journals {
		head, tail := j.Kept(journal.Stdout)
		held += len(head) + len(tail)
		totals := j.Totals(journal.Stdout)
		if !bytes.HasPrefix(all, head) || !bytes.HasSuffix(all, tail) || len(tail) == 0 ||
			totals.Bytes != int64(len(all)) || totals.Omitted != int64(len(all)-len(head)-len(tail)) {
			t.Errorf("journal %d kept %d and %d bytes: %+v", i, len(head), len(tail), totals)
		}
	}
	if int64(held) > budget.Used() || held < limit/2 {
		t.Errorf("%d bytes are kept, %d in use, of %d", held, budget.Used(), limit)
	}
	for _, j := range journals {
		j.Close(1, 1)
		j.Pack()
		j.Forget()
	}
	if budget.Used() != 0 {
		t.Errorf("%d bytes are in use when all is forgotten", budget.Used())
	}
}

// A journal without a bound of its own keeps its end as far as there is memory,
// not only its last byte.
func TestBudget_LeavesTheEndOfWhatIsUnbounded(t *testing.T) {
	t.Parallel()
	budget := journal.NewBudget(1<<20, nil)
	j := journal.New(&journal.Options{Budget: budget})
	all := numbered(3 << 20)
	for rest := all; len(rest) > 0; rest = rest[min(len(rest), 10_000):] {
		j.Append(journal.Stdout, rest[:min(len(rest), 10_000)])
	}
	head, tail := j.Kept(journal.Stdout)
	if !bytes.HasPrefix(all, head) || !bytes.HasSuffix(all, tail) || len(head)+len(tail) < 1<<20-2*segment {
		t.Errorf("kept %d and %d bytes, want nearly all of %d", len(head), len(tail), 1<<20)
	}
	j.Append(journal.Stdout, []byte("more"))
	if _, tail = j.Kept(journal.Stdout); !bytes.HasSuffix(tail, []byte("more")) || len(tail) < 1<<18 {
		t.Errorf("the tail has %d bytes", len(tail))
	}
}

func TestBudget_CallsLowWhenMemoryIsShort(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	calls := 0
	var budget *journal.Budget
	budget = journal.NewBudget(limit, func() { calls++; _ = budget.Excess() })
	options := &journal.Options{KeepBytes: limit, Budget: budget}
	first := journal.New(options)
	first.Append(journal.Stdout, make([]byte, limit/8*7))
	first.Close(1, 1)
	first.Pack()
	if calls != 0 || budget.Excess() != budget.Used()-limit/4*3 {
		t.Errorf("%d calls, excess %d of %d", calls, budget.Excess(), budget.Used())
	}
	second := journal.New(options)
	second.Append(journal.Stdout, make([]byte, segment))
	if calls != 1 {
		t.Errorf("%d calls above nine tenths, want 1", calls)
	}
	second.Append(journal.Stdout, make([]byte, limit)) // sixteen sixteenths
	if calls == 1 {
		t.Error("no further call although nothing was freed")
	}
	before := calls
	third := journal.New(options)
	third.Close(1, 1)
	third.Pack()
	if calls != before+1 {
		t.Errorf("%d calls at an end, want 1", calls-before)
	}
	first.Forget()
	second.Forget()
	if budget.Excess() != 0 {
		t.Errorf("excess %d", budget.Excess())
	}
	before = calls
	second.Append(journal.Stdout, make([]byte, segment))
	second.Close(1, 1)
	second.Pack()
	if calls != before {
		t.Errorf("%d calls with memory to spare", calls-before)
	}
}

// low is called at the mark, not at each append while nothing can be freed.
func TestBudget_DoesNotCallLowForEverySegment(t *testing.T) {
	t.Parallel()
	const limit = 16 << 20
	calls := 0
	j := journal.New(&journal.Options{Budget: journal.NewBudget(limit, func() { calls++ })})
	for range 10 * limit / segment {
		j.Append(journal.Stdout, make([]byte, segment))
	}
	if calls < 10 || calls > 200 {
		t.Errorf("%d calls for ten times the limit, want about 16 each time", calls)
	}
}

func TestBudget_SealingGivesBackWhatIsNotUsed(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 300, 20_000, segment, segment + 1, 400_000} {
		budget := journal.NewBudget(1<<30, nil)
		j := journal.New(&journal.Options{KeepBytes: 1 << 20, Budget: budget})
		for range size {
			j.Append(journal.Stdout, []byte{'x'})
		}
		j.Close(1, 1)
		j.Pack()
		if used := budget.Used(); used < int64(size) || used > int64(size)+int64(size)/4 {
			t.Errorf("%d bytes in use for %d", used, size)
		}
		if got := pieces(j, 0); got[0].Width != int64(size) {
			t.Errorf("%d bytes, want %d", got[0].Width, size)
		}
		if freed := j.Forget(); freed < int64(size) || budget.Used() != 0 {
			t.Errorf("freed %d of %d, %d are in use", freed, size, budget.Used())
		}
	}
}

// A record whose bytes were given up is smaller, and its index with them.
func TestBudget_CountsLargeIndexes(t *testing.T) {
	t.Parallel()
	budget := journal.NewBudget(1<<30, nil)
	j := journal.New(&journal.Options{Budget: budget})
	for range 10_000 {
		j.Append(journal.Stdout, []byte{'o'})
		j.Append(journal.Stderr, []byte{'e'})
	}
	j.Close(1, 1)
	j.Pack()
	used := budget.Used()
	if used < 20_000*20 {
		t.Errorf("%d bytes in use for 20,000 entries", used)
	}
	if freed := j.Forget(); freed != used || budget.Used() != 0 {
		t.Errorf("freed %d of %d, %d are in use", freed, used, budget.Used())
	}
	want := []piece{
		{Kind: journal.Gap, Width: 10_000},
		{Kind: journal.Gap, Stream: journal.Stderr, Cursor: 10_000, Width: 10_000},
		{Kind: journal.Note, Cursor: 20_000, Width: 1, Code: 1},
	}
	if diff := cmp.Diff(want, pieces(j, 0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
