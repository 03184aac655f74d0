package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// farewell is how long the end of a session waits for what nobody reads, at most twice.
const farewell = 2 * time.Second

// errEnds is what those are told who wait when the session ends.
var errEnds = fmt.Errorf("%w: the sidecar ends", engine.ErrClosed)

// Serve answers a host until it has closed in, nobody reads out any more, or the context
// ends; then it does with what was started what c says. It does not close in and out: where
// the host still holds them, the goroutine that reads one and the one that writes the other
// are left waiting, for a program that ends. It returns the error of out, or nil.
func Serve(ctx context.Context, in io.Reader, out io.Writer, c Config) error {
	s := newSession(out, c.withDefaults())
	ctx, gone := context.WithCancelCause(ctx) // done: there is nobody any more
	defer gone(nil)
	ends := lifecycle.New() // of the pipe
	ends.Go(s.out.run)
	end := make(chan struct{})
	if err := s.hello(ctx); err != nil {
		ends.Stop(err)
		if ctx.Err() != nil { // it was over before it began
			return s.out.failed()
		}
		return err
	}
	ends.Go(func(context.Context) {
		defer close(end)
		s.read(s.group.Context(), in) //nolint:contextcheck // what is asked for ends with the group
	})
	ends.Go(func(over context.Context) { // who does not read has gone, whatever it still writes
		select {
		case <-s.out.broken:
			gone(io.ErrClosedPipe)
		case <-over.Done():
		}
	})
	select {
	case <-end:
		await(ctx, s.bare.Wait)
	case <-ctx.Done():
	}
	s.close(context.WithoutCancel(ctx))
	ends.Stop(engine.ErrClosed)
	return s.out.failed()
}

// await waits for something, but not beyond the end of the context.
func await(ctx context.Context, what func()) {
	done := make(chan struct{})
	waiting := lifecycle.New()
	waiting.Go(func(context.Context) {
		defer close(done)
		what()
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// close ends the session.
func (s *session) close(ctx context.Context) {
	s.mu.Lock()
	s.closing = true
	s.settleLocked()
	for _, sub := range s.subs {
		sub.release()
	}
	s.mu.Unlock()
	accepting, enough := context.WithTimeout(ctx, farewell)
	await(accepting, s.accepting.Wait)
	enough()
	if s.config.OnExit == Cancel {
		s.cancel(ctx)
		s.settle()
	}
	s.group.Stop(errEnds)
	s.settle()
	s.out.close(nil)
	s.group.Wait()
}

// settle waits until everything that was asked is answered, and is written, but not for
// long: what is left waits for something else, or for a host that does not read.
func (s *session) settle() {
	enough := time.NewTimer(farewell)
	defer enough.Stop()
	select {
	case <-s.settled:
	case <-s.out.broken:
	case <-enough.C:
	}
}

// enter counts what has to be through before the session has ended, leave that it is.
func (s *session) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy++
}

func (s *session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	s.settleLocked()
}

func (s *session) settleLocked() {
	if !s.closing || s.busy > 0 {
		return
	}
	select {
	case <-s.settled:
	default:
		close(s.settled)
	}
}

// cancel asks what was started here to end, and returns when it has.
func (s *session) cancel(ctx context.Context) {
	ids, err := s.started.live(ctx)
	if err != nil {
		s.config.Logger.ErrorContext(ctx, "what was started here goes on: it cannot be told to end", slog.Any("error", err))
		return
	}
	s.stop(ctx, ids, engine.Cancellation{})
	hurried := lifecycle.New()
	hurried.Go(func(over context.Context) {
		select {
		case <-s.config.Hurry:
			s.stop(ctx, ids, engine.Cancellation{Force: true})
		case <-over.Done():
		}
	})
	for _, id := range ids {
		if _, err := s.config.Engine.Wait(ctx, id); err != nil {
			s.config.Logger.WarnContext(ctx, "how it ends is not known", slog.String("id", id.String()), slog.Any("error", err))
		}
	}
	hurried.Stop(nil)
	hurried.Wait()
}

// stop cancels executions; that one has ended meanwhile is as good.
func (s *session) stop(ctx context.Context, ids []engine.ID, how engine.Cancellation) {
	for _, id := range ids {
		if err := s.config.Engine.Cancel(ctx, id, how); err != nil && !errors.Is(err, engine.ErrFinished) {
			s.config.Logger.WarnContext(ctx, "it cannot be told to end", slog.String("id", id.String()), slog.Any("error", err))
		}
	}
}
