package journal

import "sync/atomic"

// Budget bounds the memory that the output of many journals takes together.
// It is safe for concurrent use; nil means no bound.
//
// Above the limit a journal that grows gives up the oldest of its own output for
// what it takes, so that the use stays below the limit and one segment for each
// stream that is written to. Beside output it counts indexes that are large.
type Budget struct {
	limit int64
	low   func()

	used  atomic.Int64
	since atomic.Int64 // reserved since low was due last, while memory was short
	due   atomic.Bool  // low is to be called by whoever holds no lock
}

// NewBudget returns a budget of limit bytes. low is called when memory is short,
// which is when nine tenths are used: at once, whenever a record ends, and after
// each further sixteenth of the limit. It should free finished output soon and
// must not wait. It is called by whoever appends, who holds no lock of the journal.
func NewBudget(limit int64, low func()) *Budget { return &Budget{limit: limit, low: low} }

// Used returns how many bytes are reserved now.
func (b *Budget) Used() int64 {
	if b == nil {
		return 0
	}
	return b.used.Load()
}

// Excess returns by how many bytes the use is above three quarters of the
// limit, the mark that freeing should reach; 0 if it is below.
func (b *Budget) Excess() int64 {
	if b == nil {
		return 0
	}
	return max(0, b.Used()-b.limit/4*3)
}

func (b *Budget) short(used int64) bool { return used > b.limit/10*9 }

// allows reports whether n bytes more are within the limit.
func (b *Budget) allows(n int64) bool { return b == nil || b.used.Load()+n <= b.limit }

// reserve takes n bytes and reports whether the limit allows it. It takes them
// in any case: the caller then gives up as much of its own.
func (b *Budget) reserve(n int64) bool {
	if b == nil {
		return true
	}
	used := b.used.Add(n)
	if b.short(used) && (!b.short(used-n) || b.since.Add(n) > b.limit/16) {
		b.since.Store(0)
		b.due.Store(true)
	}
	return used <= b.limit
}

func (b *Budget) release(n int64) {
	if b != nil {
		b.used.Add(-n)
	}
}

// remind says that there is more to free than before.
func (b *Budget) remind() {
	if b != nil && b.short(b.used.Load()) {
		b.due.Store(true)
	}
}

// alarm calls low if it is due. Callers hold no lock.
func (b *Budget) alarm() {
	if b != nil && b.low != nil && b.due.Load() && b.due.CompareAndSwap(true, false) {
		b.low()
	}
}
