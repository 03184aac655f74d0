package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// The most that may be added to one execution: with each addition, all that finds
// its secrets is built anew.
const (
	maxAdded      = 1000
	maxAddedBytes = 1 << 20
)

// AddSecrets has values masked in an execution from now on. See [API].
func (e *Engine) AddSecrets(ctx context.Context, id ID, values ...string) error {
	for i, value := range values {
		if len(value) < redact.MinBytes {
			return Advise(fault(ErrInvalid, "secret %d of %d has %d bytes: must have at least %d", i+1, len(values), len(value), redact.MinBytes),
				"values that short are everywhere: masking them would garble the output")
		}
	}
	x, err := e.alive(ctx, id)
	if err != nil || len(values) == 0 {
		return err
	}
	if err := e.addSecrets(ctx, x, values); err != nil {
		return err
	}
	return e.awaitStart(ctx, x)
}

func (e *Engine) addSecrets(ctx context.Context, x *execution, values []string) error {
	x.steering.Lock()
	defer x.steering.Unlock()
	if err := x.takeIn(values); err != nil {
		return err
	}
	control, err := e.hide(x, values)
	if err != nil {
		return err
	}
	if m, elsewhere := control.(Masker); elsewhere {
		err = m.AddSecrets(ctx, values)
	}
	return errors.Join(err, e.conceal(ctx, x, values))
}

// awaitStart waits for the start of an execution that was begun without a secret, and whose
// output is masked elsewhere: until then it may write what is not masked. So may one in
// the queue of another program, which does not hear of what is added here.
func (e *Engine) awaitStart(ctx context.Context, x *execution) error {
	x.steering.Lock() // where it has started, all was passed on
	e.mu.Lock()
	var begun chan struct{}
	if e.local == nil && x.phase == starting && x.control == nil {
		if x.begun == nil {
			x.begun = make(chan struct{})
		}
		begun = x.begun
	}
	e.mu.Unlock()
	x.steering.Unlock()
	if begun == nil {
		return nil
	}
	return waitFor(ctx, begun)
}

// beganLocked lets those go on who wait for the end of a start, however it was.
func (x *execution) beganLocked() {
	if x.begun != nil {
		close(x.begun)
		x.begun = nil
	}
}

// conceal has the store forget what is shown no longer, and keep the values for the
// start of what waits. Callers hold its steering.
func (e *Engine) conceal(ctx context.Context, x *execution, values []string) error {
	if e.ledger == nil {
		return nil
	}
	rec, err := e.config.Store.Get(ctx, x.id)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrExpired) {
		return nil // there is nothing to forget
	}
	var a Acceptance
	if err == nil {
		a, err = rec.concealed(values, x.secrets.String)
	}
	if err == nil {
		err = e.config.Store.Note(ctx, Change{ID: x.id, Shown: &a})
	}
	if err == nil || errors.Is(err, ErrExpired) {
		return nil
	}
	return Advise(fmt.Errorf("secrets of execution %s are masked from now on, and may still be in the history: %w", x.id, err), "add them again")
}

// concealed is what is to be kept of a request from now on: without what mask takes out,
// and with the values where it can be run.
func (r Record) concealed(values []string, mask func(string) string) (Acceptance, error) {
	request := r.Request
	request.ID = r.Execution.ID
	if r.Whole {
		request.Secrets = append(slices.Clip(request.Secrets), values...)
	}
	a, err := NewAcceptance(request, r.Execution.AcceptedAt, mask)
	a.Execution.Command = mask(r.Execution.Command) // which is quoted as it was before it was masked
	if !r.Whole {
		a.Whole = nil
	}
	return a, err
}

// takeIn counts what is added, and refuses too much. Callers hold its steering.
func (x *execution) takeIn(values []string) error {
	size := 0
	for _, value := range values {
		size += len(value)
	}
	if len(values) > maxAdded-x.added || size > maxAddedBytes-x.addedBytes {
		return Advise(fault(ErrInvalid, "execution %s has %d secrets of %d bytes added: %d of %d bytes more are above the maximum of %d, of %d bytes",
			x.id, x.added, x.addedBytes, len(values), size, maxAdded, maxAddedBytes), "give what is known before as secrets of the request")
	}
	x.added, x.addedBytes = x.added+len(values), x.addedBytes+size
	return nil
}

// hide masks values, also in what is shown of an execution, and sees to it that one which
// does not run yet is started with them. Callers hold its steering.
func (e *Engine) hide(x *execution, values []string) (Control, error) {
	e.mu.Lock()
	if x.phase == over {
		e.mu.Unlock()
		return nil, fault(ErrFinished, "execution %s", x.id)
	}
	unkept, control := x.hideLocked(values), x.control
	if control == nil {
		x.late = append(x.late, values...)
	}
	e.mu.Unlock()
	if unkept != nil {
		e.logUnkept(x.id, unkept)
	}
	return control, nil
}

// hideLocked masks values from now on. It returns why less is shown than could be.
func (x *execution) hideLocked(values []string) error {
	x.secrets.Add(values...)
	shown, err := x.shown.Load().masked(x.secrets.String)
	x.shown.Store(shown)
	return err
}

// masked masks what another program has added.
func (e *Engine) masked(x *execution, values []string) {
	e.mu.Lock()
	var unkept error
	if x.phase != over {
		unkept = x.hideLocked(values)
	}
	e.mu.Unlock()
	if unkept != nil {
		e.logUnkept(x.id, unkept)
	}
}

// startWithLocked makes secrets of its request what was added while it waited.
func (x *execution) startWithLocked() {
	if len(x.late) > 0 {
		r := x.launch.Request
		r.Secrets = append(slices.Clip(r.Secrets), x.late...)
		x.late = nil
	}
}

// passOn tells a runner that masks elsewhere what was added while it started the
// execution.
func (e *Engine) passOn(ctx context.Context, x *execution, control Control, values []string) {
	m, elsewhere := control.(Masker)
	if !elsewhere || len(values) == 0 {
		return
	}
	if err := m.AddSecrets(ctx, values); err != nil && !errors.Is(err, ErrFinished) {
		e.config.Logger.ErrorContext(ctx, "secrets could not be added",
			slog.String("execution_id", x.id.String()), slog.Any("error", err))
	}
}

// shown is what an execution lets be seen of its request.
type shown struct {
	request kept
	line    string // what runs, quoted and masked
}

// masked is the same without what a mask takes out.
func (s *shown) masked(mask func(string) string) (*shown, error) {
	r := s.request.request()
	request, _, err := keep(&r, mask)
	return &shown{request, mask(s.line)}, err
}

// logUnkept says that what is shown of a request is less than there is.
func (e *Engine) logUnkept(id ID, err error) {
	e.config.Logger.Error("request could not be kept",
		slog.String("execution_id", id.String()), slog.Any("error", err))
}
