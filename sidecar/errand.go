package sidecar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// errand is one frame of the host and what is done for it: a call, or several in a batch,
// one after the other.
type errand struct {
	after []func() // what is done once the answer is written, or nobody wants it any more
	held  bool     // it has the place of a large answer
}

// large waits for the place of a large answer, which the errand has until it is answered.
func (e *errand) large(ctx context.Context, place chan struct{}) error {
	if e.held {
		return nil
	}
	select {
	case place <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	e.held = true
	e.after = append(e.after, func() { <-place })
	return nil
}

// errInside is that the sidecar went wrong.
var errInside = errors.New("the sidecar went wrong inside: its stderr says more")

// call is one request, ready to be done.
type call struct {
	message

	verb   verb
	cancel context.CancelCauseFunc
	turn   *turn // nil: at once
}

// prepare has a request known from now on, so that it can be broken off.
func (s *session) prepare(ctx context.Context, m message) (context.Context, *call, *fault) {
	v, ok := s.table[m.method]
	if !ok {
		return ctx, nil, newFault(codeUnknownMethod, "unknown_method", fmt.Sprintf("there is no method %.80q", m.method), "hello.methods has all that there are")
	}
	c := &call{message: m, verb: v}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return ctx, nil, faultOf(errEnds)
	}
	if _, taken := s.calls[string(m.id)]; taken && m.id != nil {
		return ctx, nil, invalidRequest(fmt.Sprintf("id %s is that of a call that was not answered yet", m.id))
	}
	ctx, c.cancel = context.WithCancelCause(ctx)
	if m.id != nil {
		s.calls[string(m.id)] = c.cancel
	}
	if v.accepts {
		s.accepting.Add(1)
	}
	if v.inOrder {
		c.turn = s.turns.take(m.params)
	}
	return ctx, c, nil
}

// do does a call and returns its answer, nil where it wants none.
func (s *session) do(ctx context.Context, e *errand, c *call) []byte {
	result, err := s.try(ctx, e, c)
	c.cancel(nil)
	s.mu.Lock()
	delete(s.calls, string(c.id))
	s.mu.Unlock()
	if c.verb.accepts {
		s.accepting.Done()
	}
	c.turn.leave()
	var params *paramsError
	switch {
	case c.id == nil:
		return nil
	case err == nil:
		return answerFrame(c.id, result)
	case errors.As(err, &params):
		return errorFrame(c.id, invalidParams(params.text))
	case errors.Is(err, errInside):
		return errorFrame(c.id, newFault(codeInternal, "internal", err.Error(), ""))
	}
	return errorFrame(c.id, faultOf(err))
}

// try does it when its turn has come, and survives it.
func (s *session) try(ctx context.Context, e *errand, c *call) (result []byte, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			s.config.Logger.ErrorContext(ctx, "a call panicked", slog.String("method", c.method), slog.Any("panic", panicked))
			err = errInside
		}
	}()
	if err := c.turn.await(ctx); err != nil {
		return nil, err
	}
	return c.verb.do(ctx, e, c.params)
}

// abort breaks a call off.
func (s *session) abort(id []byte) {
	s.mu.Lock()
	cancel := s.calls[string(id)]
	s.mu.Unlock()
	if cancel != nil {
		cancel(context.Canceled)
	}
}

// executionOf is the execution that params are about, as it is named there.
func executionOf(params []byte) string {
	var m struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(params, &m) != nil {
		return "" // which the call will say
	}
	return strings.ToLower(m.ID)
}

// turns keep calls about one execution in their order.
type turns struct {
	mu   sync.Mutex
	last map[string]*turn
}

// turn is the place of a call. One of nil is no place: nobody is before, and nobody behind.
type turn struct {
	of     *turns
	key    string
	before <-chan struct{} // nil: nobody
	over   chan struct{}
}

// take gives a call its place behind those that came before.
func (t *turns) take(params []byte) *turn {
	mine := &turn{of: t, key: executionOf(params), over: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	if last := t.last[mine.key]; last != nil {
		mine.before = last.over
	}
	t.last[mine.key] = mine
	return mine
}

// await returns when those before are through.
func (t *turn) await(ctx context.Context) error {
	if t == nil || t.before == nil {
		return nil
	}
	select {
	case <-t.before:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leave lets the next one go, but not before those that came before.
func (t *turn) leave() {
	if t == nil {
		return
	}
	if t.before != nil {
		<-t.before
	}
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	if t.of.last[t.key] == t {
		delete(t.of.last, t.key)
	}
	close(t.over)
}
