package engine

import (
	"context"
	"errors"
)

// WriteStdin writes to the stdin of an execution. See [API].
func (e *Engine) WriteStdin(ctx context.Context, id ID, p []byte) (int, error) {
	x, in, err := e.stdin(ctx, id)
	if err != nil {
		return 0, err
	}
	n, err := in.Write(ctx, p)
	return n, e.unlessOver(x, err)
}

// CloseStdin ends the stdin of an execution. See [API].
func (e *Engine) CloseStdin(ctx context.Context, id ID) error {
	x, in, err := e.stdin(ctx, id)
	if err != nil {
		return err
	}
	return e.unlessOver(x, in.Close(ctx))
}

// stdin waits until an execution runs and returns what writes to its stdin.
func (e *Engine) stdin(ctx context.Context, id ID) (*execution, Stdin, error) {
	x, err := e.alive(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if x.attached == nil {
		return nil, nil, Advise(fault(ErrNoStdin, "execution %s is not interactive", id),
			"ask for it with interactive or terminal in its request")
	}
	if err := waitFor(ctx, x.attached); err != nil {
		return nil, nil, err
	}
	e.mu.Lock()
	control := x.control
	e.mu.Unlock()
	if control == nil {
		return nil, nil, fault(ErrFinished, "execution %s", id)
	}
	in := control.Stdin()
	if in == nil {
		return nil, nil, e.unlessOver(x, fault(ErrNoStdin, "execution %s", id))
	}
	return x, in, nil
}

// alive finds an execution that has not ended. Errors: ErrFinished, ErrNotFound,
// ErrExpired.
func (e *Engine) alive(ctx context.Context, id ID) (*execution, error) {
	x, _, err := e.lookup(ctx, id)
	if err == nil && x == nil {
		err = fault(ErrFinished, "execution %s", id)
	}
	return x, err
}

// unlessOver is the error of something that was asked of an execution: where it has
// ended meanwhile, that it has.
func (e *Engine) unlessOver(x *execution, err error) error {
	if err == nil || !errors.Is(err, ErrNoStdin) && !errors.Is(err, ErrNoTerminal) {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if x.phase == over {
		return fault(ErrFinished, "execution %s", x.id)
	}
	return err
}
