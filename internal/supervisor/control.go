package supervisor

import (
	"context"
	"errors"
	"fmt"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

var (
	_ engine.Control = (*link)(nil)
	_ engine.Masker  = (*link)(nil)
	_ engine.Stdin   = (*typist)(nil)
)

// order asks for what is done at once. A supervisor that is stopped does it when it goes on:
// then the error is context.DeadlineExceeded.
func (k *link) order(r request) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return k.ask(ctx, r)
}

// Stop asks it to end. See engine.Control.
func (k *link) Stop(cause engine.Cause, by engine.Actor) bool {
	a, _ := k.order(request{Op: opStop, Cause: cause, By: by})
	return a.Won
}

// Kill ends it now. See engine.Control.
func (k *link) Kill(cause engine.Cause, by engine.Actor) bool {
	a, _ := k.order(request{Op: opKill, Cause: cause, By: by})
	return a.Won
}

// Extend moves its deadline. See engine.Control.
func (k *link) Extend(timeout time.Duration) bool {
	a, err := k.order(request{Op: opExtend, Timeout: timeout})
	return a.Won || errors.Is(err, context.DeadlineExceeded) // then nothing has ended it yet
}

// AddSecrets has values masked from now on. See engine.Masker.
func (k *link) AddSecrets(ctx context.Context, values []string) error {
	for _, value := range values { // each may be long
		if len(value) > longestWrite {
			return fmt.Errorf("%w: a secret of %d bytes is above the maximum of %d here", engine.ErrInvalid, len(value), longestWrite)
		}
		a, err := k.ask(ctx, request{Op: opMask, Secrets: [][]byte{[]byte(value)}})
		switch {
		case err != nil && context.Cause(ctx) == nil:
			return fmt.Errorf("%w: %w", engine.ErrFinished, err)
		case err != nil:
			return err
		case a.Problem != nil:
			return a.Problem.err()
		}
	}
	return nil
}

// Resize changes the size of its terminal. See engine.Control.
func (k *link) Resize(size engine.TerminalSize) error {
	k.mu.Lock()
	terminal := k.started.Terminal
	k.mu.Unlock()
	if !terminal {
		return fmt.Errorf("%w: it was started without", engine.ErrNoTerminal)
	}
	a, err := k.order(request{Op: opResize, Size: &size})
	if err != nil {
		return fmt.Errorf("%w: %w", engine.ErrFinished, err)
	}
	return a.Problem.err()
}

// Stdin is what writes to its stdin. See engine.Control.
func (k *link) Stdin() engine.Stdin {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.started.Typed {
		return nil
	}
	return (*typist)(k)
}

// typist writes to the stdin of an execution.
type typist link

// longestWrite is what one request carries: less than a line has room for.
const longestWrite = 256 << 10

// Write writes to stdin. Two that write through different engines may mix where they
// write more than 256 KiB at once. See engine.Stdin.
func (t *typist) Write(ctx context.Context, p []byte) (taken int, err error) {
	release, err := t.turn(ctx)
	if err != nil {
		return 0, err
	}
	defer release()
	for {
		n := min(len(p), longestWrite)
		a, err := t.ask(ctx, request{Op: opWrite, Data: p[:n]})
		taken, p = taken+a.Taken, p[n:]
		if err != nil || len(p) == 0 {
			return taken, err
		}
	}
}

// Close ends stdin. See engine.Stdin.
func (t *typist) Close(ctx context.Context) error {
	release, err := t.turn(ctx)
	if err != nil {
		return err
	}
	defer release()
	_, err = t.ask(ctx, request{Op: opClose})
	return err
}

// turn waits until nobody else here writes.
func (t *typist) turn(ctx context.Context) (release func(), err error) {
	select {
	case t.typing <- struct{}{}:
		return func() { <-t.typing }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (t *typist) ask(ctx context.Context, r request) (answer, error) {
	a, err := (*link)(t).ask(ctx, r)
	switch {
	case err == nil:
		err = a.Problem.err()
	case context.Cause(ctx) == nil:
		err = fmt.Errorf("%w: %w", engine.ErrNoStdin, err)
	}
	return a, err
}
