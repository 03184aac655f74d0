package sidecar

import (
	"context"
	"encoding/json"
	"fmt"

	engine "github.com/escher-dbai/cloudops-engine"
)

// A bare request is answered as the bridge of the original engine did: its events, each a
// line, then its result. What that engine did not have does not come.

// takeBare begins a bare request. Where as many run as may, it waits: this host says
// nothing else.
func (s *session) takeBare(ctx context.Context, frame []byte) {
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return
	}
	s.mu.Lock()
	closing := s.closing
	if !closing {
		s.bare.Add(1)
		s.accepting.Add(1)
	}
	s.mu.Unlock()
	if closing {
		<-s.slots
		return
	}
	work := func(ctx context.Context) {
		defer func() {
			<-s.slots
			s.bare.Done()
			s.leave()
		}()
		s.runBare(ctx, frame)
	}
	s.enter()
	if !s.group.Go(work) {
		s.accepting.Done()
		s.bare.Done()
		<-s.slots
		s.leave()
	}
}

func (s *session) runBare(ctx context.Context, frame []byte) {
	r, err := engine.ParseRequest(frame)
	var id engine.ID
	if err == nil {
		id, err = s.config.Engine.Execute(ctx, r)
	}
	if err == nil {
		s.started.add(ctx, id.String())
	}
	s.accepting.Done()
	if err == nil {
		err = s.tell(ctx, id)
	}
	if err == nil {
		return
	}
	named := ""
	if r.ID != (engine.ID{}) {
		named = r.ID.String()
	}
	_ = s.line(ctx, "error", struct { // who has gone needs none
		ID      string `json:"id,omitempty"`
		Code    string `json:"code"`
		Message string `json:"message"`
		Hint    string `json:"hint,omitempty"`
	}{named, engine.ErrorCode(err), err.Error(), engine.Hint(err)})
}

// tell writes the events of an execution and its result.
func (s *session) tell(ctx context.Context, id engine.ID) error {
	for ev, err := range s.config.Engine.Watch(ctx, id, 0) {
		if err != nil {
			return err
		}
		if isOriginal(&ev) {
			if err := s.line(ctx, "event", &ev); err != nil {
				return err
			}
		}
		if ev.Kind.Terminal() && ev.Result != nil {
			return s.line(ctx, "result", ev.Result)
		}
	}
	return fmt.Errorf("%w: execution %s has told no ending", engine.ErrExpired, id)
}

// isOriginal reports whether the original had such an event. It had no lines that come
// again.
func isOriginal(ev *engine.Event) bool {
	switch ev.Kind {
	case engine.StdoutWritten, engine.StderrWritten:
		return !ev.Partial
	case engine.ExecutionStarted, engine.ExecutionStatusChanged, engine.ExecutionCompleted, engine.ExecutionFailed,
		engine.ExecutionCancelled, engine.ExecutionTimedOut:
		return true
	default:
		return false
	}
}

// line writes one line of the bridge.
func (s *session) line(ctx context.Context, kind string, payload any) error {
	data, err := json.Marshal(struct {
		Type    string `json:"type"`
		Payload any    `json:"payload"`
	}{kind, payload})
	if err != nil {
		return err
	}
	return s.out.send(ctx, streams, data, nil)
}
