package sidecar

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
)

// slow is a writer that writes when it is let.
type slow struct {
	let     chan struct{}
	written []string
}

func (w *slow) Write(p []byte) (int, error) {
	<-w.let
	w.written = append(w.written, strings.TrimSpace(string(p)))
	return len(p), nil
}

// Answers take every other turn, and what is of one lane goes in the order in which it came.
// What was withdrawn is not written.
func TestOutlet_TakesTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := &slow{let: make(chan struct{})}
		o := newOutlet(w)
		done := make(chan struct{})
		go func() {
			defer close(done)
			o.run(ctx)
		}()
		withdrawn, withdraw := context.WithCancelCause(ctx)
		send := func(ctx context.Context, in lane, text string) {
			go func() {
				if err := o.send(ctx, in, []byte(text), nil); err != nil && !errors.Is(err, io.EOF) {
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		for _, text := range []string{"s1", "s2", "s3", "s4"} {
			send(ctx, streams, text)
		}
		send(withdrawn, streams, "never")
		for _, text := range []string{"a1", "a2"} {
			send(ctx, answers, text)
		}
		withdraw(io.EOF)
		synctest.Wait()
		for range 6 {
			w.let <- struct{}{}
		}
		synctest.Wait()
		if got := strings.Join(w.written, " "); got != "s1 a1 s2 a2 s3 s4" {
			t.Errorf("written is %s", got)
		}
		cancel()
		<-done
	})
}

// Nobody waits for a pipe that is broken.
func TestOutlet_LetsEverybodyGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in, out := io.Pipe()
		o := newOutlet(out)
		go o.run(t.Context())
		failed := make(chan error)
		for range 3 {
			go func() { failed <- o.send(t.Context(), answers, []byte("x"), nil) }()
		}
		synctest.Wait()
		if err := in.CloseWithError(io.ErrNoProgress); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := <-failed; !errors.Is(err, errShut) {
				t.Errorf("who waits is told %v", err)
			}
		}
		if err := o.send(t.Context(), streams, []byte("x"), nil); !errors.Is(err, errShut) {
			t.Errorf("who comes later is told %v", err)
		}
		if err := o.failed(); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("it is broken because of %v", err)
		}
	})
}

// done is a context that has ended.
func done() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
