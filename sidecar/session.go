package sidecar

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"sync"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// session is a host and what it has asked for.
type session struct {
	config  Config
	window  int // 0: none
	table   map[string]verb
	out     *outlet
	group   *lifecycle.Group // calls, subscriptions, bare requests
	slots   chan struct{}    // a place for each frame that is worked on
	results chan struct{}    // the place of a large answer
	turns   turns
	started *started

	accepting sync.WaitGroup // calls that may start something
	bare      sync.WaitGroup // bare requests

	mu      sync.Mutex
	closing bool
	calls   map[string]context.CancelCauseFunc // by id
	subs    map[int64]*subscription
	lastSub int64
	busy    int           // frames that are worked on, subscriptions
	settled chan struct{} // closed: closing, and there were none any more
}

func newSession(out io.Writer, c Config) *session {
	s := &session{
		config: c, window: max(c.Window, 0), out: newOutlet(out), group: lifecycle.New(),
		slots: make(chan struct{}, maxCalls), results: make(chan struct{}, 1),
		turns: turns{last: make(map[string]*turn)}, started: &started{engine: c.Engine, ids: make(map[engine.ID]struct{})},
		calls: make(map[string]context.CancelCauseFunc), subs: make(map[int64]*subscription),
		settled: make(chan struct{}),
	}
	s.table = s.verbs(c.Service)
	return s
}

// hello is the first frame.
func (s *session) hello(ctx context.Context) error {
	if s.config.Quiet {
		return nil
	}
	type limits struct {
		FrameBytes    int `json:"frame_bytes"`
		Calls         int `json:"calls"`
		Subscriptions int `json:"subscriptions"`
		Window        int `json:"window"`
	}
	info, err := s.config.Service.Info(ctx, &pb.InfoRequest{})
	if err != nil {
		return err
	}
	var able json.RawMessage
	if info.GetCapabilities() != nil {
		able = encode(info.GetCapabilities())
	}
	frame, err := notification("hello", struct {
		Protocol     int             `json:"protocol"`
		Version      string          `json:"version"`
		Platform     string          `json:"platform"`
		Instance     string          `json:"instance"`
		PID          int             `json:"pid"`
		Engine       string          `json:"engine"`
		OnExit       OnExit          `json:"on_exit"`
		Methods      []string        `json:"methods"`
		Limits       limits          `json:"limits"`
		Capabilities json.RawMessage `json:"capabilities,omitempty"`
	}{
		Protocol, s.config.Version, info.GetPlatform(), rand.Text(), os.Getpid(), s.config.Kind, s.config.OnExit,
		slices.Sorted(maps.Keys(s.table)),
		limits{maxFrameBytes, maxCalls, maxSubscriptions, s.window},
		able,
	})
	if err != nil {
		return err
	}
	return s.out.send(ctx, answers, frame, nil)
}

// read takes frames until there are no more. The context is that of what is asked for.
func (s *session) read(ctx context.Context, in io.Reader) {
	for f := newFrames(in, maxFrameBytes); ; {
		frame, err := f.next()
		switch {
		case errors.Is(err, errTooLong):
			s.refuse(ctx, nil, newFault(codeInvalidRequest, "invalid_request", err.Error(), "hello.limits says how long it may be"))
		case err != nil:
			return
		case frame[0] == '[':
			s.takeBatch(ctx, frame)
		default:
			s.take(ctx, frame)
		}
	}
}

// take takes one message.
func (s *session) take(ctx context.Context, frame []byte) {
	m, failed := parse(frame)
	switch {
	case failed != nil:
		s.refuse(ctx, m.id, failed)
	case m.bare:
		s.takeBare(ctx, slices.Clone(frame))
	case m.id == nil && s.heard(&m):
	default:
		s.takeCall(ctx, m)
	}
}

// heard does what a notification of the protocol says.
func (s *session) heard(m *message) bool {
	switch m.method {
	case "ack":
		var p named
		if json.Unmarshal(m.params, &p) == nil {
			if sub := s.subscription(p.Subscription); sub != nil {
				sub.ack(p.Batch)
			}
		}
	case "abort":
		var p struct {
			ID json.RawMessage `json:"id"`
		}
		if json.Unmarshal(m.params, &p) == nil && len(p.ID) > 0 {
			if id, failed := parseID(p.ID); failed == nil {
				s.abort(id)
			}
		}
	default:
		return false
	}
	return true
}

// takeCall begins a call.
func (s *session) takeCall(ctx context.Context, m message) {
	failed := tooMany()
	if s.place() {
		var c *call
		var within context.Context
		if within, c, failed = s.prepare(ctx, m); failed == nil {
			s.run(func(e *errand) []byte { return s.do(within, e, c) })
			return
		}
		<-s.slots
	}
	if m.id != nil {
		s.refuse(ctx, failed.answers(m.id), failed)
	}
}

// takeBatch does the calls of a batch one after the other, and answers them together.
func (s *session) takeBatch(ctx context.Context, frame []byte) {
	members, failed := batchOf(frame, maxBatch)
	if failed == nil && !s.place() {
		failed = tooMany()
	}
	if failed != nil {
		s.refuse(ctx, nil, failed)
		return
	}
	s.run(func(e *errand) []byte {
		var all []json.RawMessage
		for _, member := range members {
			if answer := s.member(ctx, e, member); answer != nil {
				all = append(all, answer)
			}
		}
		if all == nil {
			return nil
		}
		batch, err := json.Marshal(all)
		if err != nil {
			return errorFrame(nil, newFault(codeInternal, "internal", err.Error(), ""))
		}
		return batch
	})
}

// member does one call of a batch.
func (s *session) member(ctx context.Context, e *errand, frame []byte) []byte {
	m, failed := parse(frame)
	switch {
	case failed == nil && m.bare:
		failed = invalidRequest("a bare request stands on a line of its own")
	case failed == nil && m.id == nil && s.heard(&m):
		return nil
	}
	if failed != nil {
		return errorFrame(m.id, failed)
	}
	ctx, c, failed := s.prepare(ctx, m)
	switch {
	case failed == nil:
		return s.do(ctx, e, c)
	case m.id == nil:
		return nil
	}
	return errorFrame(failed.answers(m.id), failed)
}

// place takes a place among those that are worked on, and reports whether there was one.
func (s *session) place() bool {
	select {
	case s.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// run does an errand, which has its place, and answers it.
func (s *session) run(job func(*errand) []byte) {
	work := func(ctx context.Context) {
		e := &errand{}
		free := sync.OnceFunc(func() { <-s.slots }) // who has read an answer finds a place
		defer func() {
			for _, then := range e.after {
				then()
			}
			free()
			s.leave()
		}()
		if answer := job(e); answer != nil {
			_ = s.out.send(context.WithoutCancel(ctx), answers, answer, free) // who has gone needs none
		}
	}
	s.enter()
	if !s.group.Go(work) {
		<-s.slots
		s.leave()
	}
}

// refuse answers with an error. Where too much is unanswered already, whoever reads the
// host waits, and with it the host.
func (s *session) refuse(ctx context.Context, id json.RawMessage, f *fault) {
	frame := errorFrame(id, f)
	if s.place() {
		s.run(func(*errand) []byte { return frame })
		return
	}
	_ = s.out.send(ctx, answers, frame, nil) // who has gone needs none
}
