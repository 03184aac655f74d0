package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// signalError is the cause of a context that a signal to us has ended.
type signalError struct{ sig os.Signal }

func (e *signalError) Error() string { return e.sig.String() }

// heeding is a context that the first signal to us ends; a second one ends the program.
// One that we were started with ignored stays so. Stop undoes it.
func heeding(ctx context.Context) (heeded context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(sig) {
			signal.Notify(signals, sig)
		}
	}
	group := lifecycle.New()
	group.Go(func(over context.Context) {
		select {
		case sig := <-signals:
			signal.Stop(signals)
			cancel(&signalError{sig})
		case <-over.Done():
		}
	})
	return ctx, func() {
		signal.Stop(signals)
		group.Stop(nil)
		group.Wait()
		cancel(nil)
	}
}

// left is what the program ends with when following something has given err: where a
// signal has ended it, its code, and nothing more is said.
func left(ctx context.Context, err error) error {
	var by *signalError
	if err != nil && errors.As(context.Cause(ctx), &by) {
		return exitWith(signalCode(by.sig), nil)
	}
	return err
}
