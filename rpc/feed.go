package rpc

import (
	"context"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// The bounds of one batch: what is in a feed, and no more.
const (
	batchItems = 128
	batchBytes = 64 << 10
)

// What all batches may have together, unless that were less than the least for each: a crowd
// that cannot be written to as fast as it reads is to wait in the record, not here.
const (
	sharedBytes = 16 << 20
	leastBytes  = 4 << 10
)

// share is how many bytes a batch may have where so many streams are open.
func share(streams int64) int {
	return int(min(max(sharedBytes/max(streams, 1), leastBytes), batchBytes))
}

// pace is the time between two batches that are not full. Shorter, a busy stream is many
// small messages; the contract has 25 ms.
const pace = 5 * time.Millisecond

// feed is between those who read records and the one who writes to a client. It holds one
// batch: who puts something into a full one waits, and reads no further.
type feed[T any] struct {
	ready chan struct{} // something is there
	full  chan struct{} // nothing more goes in
	done  chan struct{} // closed: all sources have ended

	mu      sync.Mutex
	batch   []T
	size    int
	most    int           // a batch of this size is full
	room    chan struct{} // closed when the batch is taken
	sources int
	err     error // the first of a source
}

func newFeed[T any]() *feed[T] {
	return &feed[T]{
		ready: make(chan struct{}, 1), full: make(chan struct{}, 1), done: make(chan struct{}), room: make(chan struct{}),
		most: batchBytes,
	}
}

// wake tells whoever waits on a channel with room for one.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// put adds something of a size. It waits while the batch is full, and reports false when
// its context ended before.
func (f *feed[T]) put(ctx context.Context, item T, size int) bool {
	for {
		f.mu.Lock()
		if n := len(f.batch); n < batchItems && f.size < f.most {
			f.batch, f.size = append(f.batch, item), f.size+size
			filled := n+1 == batchItems || f.size >= f.most
			f.mu.Unlock()
			if n == 0 {
				wake(f.ready)
			}
			if filled {
				wake(f.full)
			}
			return true
		}
		room := f.room
		f.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return false
		}
	}
}

// amend has the last thing of the batch take something of a size to itself. It reports
// false where there is none, where it does not, or the batch is full.
func (f *feed[T]) amend(size int, take func(last *T) bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.batch)
	if n == 0 || f.size >= f.most || !take(&f.batch[n-1]) {
		return false
	}
	if f.size += size; f.size >= f.most {
		wake(f.full)
	}
	return true
}

// take empties the batch, and says how large the next may be. The feed keeps nothing of it:
// who sends it may take long.
func (f *feed[T]) take(most int) []T {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.most = most
	taken := f.batch
	if len(taken) == 0 {
		return nil
	}
	select {
	case <-f.full: // it told of this batch
	default:
	}
	f.batch, f.size = nil, 0
	close(f.room)
	f.room = make(chan struct{})
	return taken
}

// source runs what puts things into the feed, in a goroutine of the handler. All sources
// of a feed are named before the first is started.
func (f *feed[T]) source(h *Handler, read func() error) {
	leave := func(err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.err == nil {
			f.err = err
		}
		if f.sources--; f.sources == 0 {
			close(f.done)
		}
	}
	if !h.group.Go(func(context.Context) { leave(read()) }) {
		leave(engine.ErrClosed)
	}
}

// pass sends what comes, in batches, until all sources have ended, and nothing as often as
// there is nothing. It returns the first error of a source, of send, or why the context
// ended.
func (f *feed[T]) pass(ctx context.Context, h *Handler, keepAlive time.Duration, send func([]T) error) error {
	quiet := time.NewTimer(keepAlive)
	defer quiet.Stop()
	var last time.Time
	for {
		select {
		case <-f.ready:
		case <-f.done:
			if rest := f.take(share(h.streams.Load())); len(rest) > 0 {
				if err := send(rest); err != nil {
					return err
				}
			}
			return f.err
		case <-quiet.C:
			if err := send(nil); err != nil {
				return err
			}
			quiet.Reset(keepAlive)
			continue
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if !f.gather(ctx, time.Until(last.Add(pace))) {
			return context.Cause(ctx)
		}
		if batch := f.take(share(h.streams.Load())); len(batch) > 0 {
			if err := send(batch); err != nil {
				return err
			}
			last = time.Now()
			quiet.Reset(keepAlive)
		}
	}
}

// gather waits until the batch is full, but not for long.
func (f *feed[T]) gather(ctx context.Context, long time.Duration) bool {
	if long <= 0 {
		return true
	}
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.full:
	case <-f.done:
	case <-ctx.Done():
		return false
	}
	return true
}

// stream feeds a client from several sources, and returns when all have ended.
func stream[T any](ctx context.Context, h *Handler, keepAlive time.Duration, send func([]T) error, sources ...func(context.Context, *feed[T]) error) error {
	ctx, leave := h.within(ctx)
	f := newFeed[T]()
	f.sources, f.most = len(sources), share(h.streams.Add(1))
	defer h.streams.Add(-1)
	for _, read := range sources {
		f.source(h, func() error { return read(ctx, f) })
	}
	err := send(nil) // at once: the reader learns that it is heard
	if err == nil {
		err = f.pass(ctx, h, keepAlive, send)
	}
	leave()
	<-f.done
	return err
}
