package rpc

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"connectrpc.com/grpchealth"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// idle is a handler that only owns goroutines.
func idle() *Handler { return &Handler{group: lifecycle.New(), health: grpchealth.NewStaticChecker()} }

// A reader that takes nothing stops who feeds it at one batch: by number, and by size.
func TestFeed_HoldsOneBatch(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{1: batchItems, batchBytes / 4: 4, 10 * batchBytes: 1} {
		synctest.Test(t, func(t *testing.T) {
			f := newFeed[int]()
			put := 0
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				for f.put(ctx, put, size) {
					put++
				}
			}()
			for round := 1; round <= 3; round++ {
				synctest.Wait()
				if put != round*want {
					t.Errorf("size %d: %d were put, want %d", size, put, round*want)
				}
				if taken := f.take(batchBytes); len(taken) != want || taken[0] != (round-1)*want {
					t.Errorf("size %d: took %v", size, taken)
				}
			}
			cancel()
			<-done
		})
	}
}

// What is added to the last thing counts as what is put: a batch does not grow past its size.
func TestFeed_AmendsOneBatch(t *testing.T) {
	t.Parallel()
	f := newFeed[int]()
	one := func(last *int) bool {
		*last++
		return true
	}
	if f.amend(1, one) {
		t.Error("something was added to nothing")
	}
	if !f.put(t.Context(), 0, batchBytes/4) || f.amend(1, func(*int) bool { return false }) {
		t.Error("what is not taken was added")
	}
	for f.amend(batchBytes/4, one) {
		if len(f.full) == 1 && f.batch[0] < 3 {
			t.Error("it is not full yet")
		}
	}
	if taken := f.take(batchBytes); !slices.Equal(taken, []int{3}) {
		t.Errorf("took %v", taken)
	}
	if f.amend(1, one) {
		t.Error("something was added to what was taken")
	}
}

// Of many streams each has its share of what all may hold, and of however many enough for a
// few lines; a batch is as large as the share was when the one before was taken.
func TestFeed_SharesWithOtherStreams(t *testing.T) {
	t.Parallel()
	for streams, want := range map[int64]int{0: batchBytes, 1: batchBytes, 256: batchBytes, 1024: 16 << 10, 1 << 20: leastBytes} {
		if got := share(streams); got != want {
			t.Errorf("of %d streams each has %d bytes, want %d", streams, got, want)
		}
	}
	f := newFeed[int]()
	if f.take(1000); !f.put(t.Context(), 1, 600) || len(f.full) != 0 || !f.put(t.Context(), 2, 600) || len(f.full) != 1 {
		t.Error("a batch of 1,000 bytes is full too early, or too late")
	}
	if f.amend(1, func(*int) bool { return true }) {
		t.Error("something was added to a full batch")
	}
}

// What was taken is let go of with whoever took it: a thousand streams that cannot send hold
// what they send, and not the batch that it was made of.
func TestFeed_KeepsNothingThatWasTaken(t *testing.T) {
	t.Parallel()
	f := newFeed[*[1 << 10]byte]()
	item := new([1 << 10]byte)
	gone := weak.Make(item)
	if !f.put(t.Context(), item, 1) || len(f.take(batchBytes)) != 1 {
		t.Fatal("it was not put and taken")
	}
	runtime.GC()
	if gone.Value() != nil {
		t.Error("it is still there")
	}
	runtime.KeepAlive(f)
}

// What comes alone goes at once; what comes shortly after it goes together, and soon.
func TestFeed_GathersWhatComesTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var sent []time.Duration
		var sizes []int
		send := func(batch []int) error {
			sent, sizes = append(sent, time.Since(began)), append(sizes, len(batch))
			return nil
		}
		err := stream(t.Context(), idle(), time.Hour, send, func(ctx context.Context, f *feed[int]) error {
			<-time.After(time.Second)
			f.put(ctx, 1, 1)
			for range 3 {
				<-time.After(time.Millisecond)
				f.put(ctx, 1, 1)
			}
			<-time.After(time.Second)
			f.put(ctx, 1, 1)
			return nil
		})
		want := []time.Duration{0, time.Second, time.Second + pace, 2*time.Second + 3*time.Millisecond}
		if err != nil || !slices.Equal(sizes, []int{0, 1, 3, 1}) || !slices.Equal(sent, want) {
			t.Errorf("sent %v at %v, %v", sizes, sent, err)
		}
	})
}

// A stream that has nothing to say says that, as often as it has to.
func TestFeed_IsKeptAlive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		empty := 0
		err := stream(t.Context(), idle(), time.Second, func(batch []int) error {
			if len(batch) == 0 {
				empty++
			}
			return nil
		}, func(ctx context.Context, f *feed[int]) error {
			<-time.After(2500 * time.Millisecond)
			f.put(ctx, 1, 1)
			<-time.After(1500 * time.Millisecond)
			return nil
		})
		if err != nil || empty != 4 { // at 0, 1 and 2 s, and a second after what came at 2.5
			t.Errorf("%d empty batches, %v", empty, err)
		}
	})
}

// A stream returns when its sources have, whoever ends it, and says why.
func TestStream_WaitsForItsSources(t *testing.T) {
	t.Parallel()
	broken, gone, odd := errors.New("broken pipe"), errors.New("gone"), errors.New("odd")
	for what, c := range map[string]struct {
		end  func(cancel context.CancelCauseFunc, h *Handler)
		send error
		read error
		want error
	}{
		"the client goes":     {func(cancel context.CancelCauseFunc, _ *Handler) { cancel(gone) }, nil, nil, gone},
		"the handler closes":  {func(_ context.CancelCauseFunc, h *Handler) { h.group.Stop(engine.ErrClosed) }, nil, nil, engine.ErrClosed},
		"nothing can be sent": {func(context.CancelCauseFunc, *Handler) {}, broken, nil, broken},
		"a source fails":      {func(context.CancelCauseFunc, *Handler) {}, nil, odd, odd},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			h := idle()
			var ended atomic.Int32
			time.AfterFunc(time.Second, func() { c.end(cancel, h) })
			err := stream(ctx, h, time.Hour, func([]int) error {
				<-time.After(time.Millisecond) // time passes in here where somebody waits for it
				return c.send
			}, func(ctx context.Context, f *feed[int]) error {
				defer ended.Add(1)
				if c.read != nil {
					return c.read
				}
				for f.put(ctx, 1, batchBytes) {
				}
				return context.Cause(ctx)
			}, func(ctx context.Context, _ *feed[int]) error {
				defer ended.Add(1)
				if c.read == nil {
					<-ctx.Done()
				}
				return nil
			})
			if !errors.Is(err, c.want) || ended.Load() != 2 {
				t.Errorf("%s: got %v with %d of 2 sources at their end", what, err, ended.Load())
			}
		})
	}
}

// After Close there are no streams.
func TestStream_IsRefusedAfterClose(t *testing.T) {
	t.Parallel()
	h := idle()
	h.Close()
	err := stream(t.Context(), h, time.Hour, func([]int) error { return nil }, func(context.Context, *feed[int]) error {
		t.Error("it was read for")
		return nil
	})
	if !errors.Is(err, engine.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
