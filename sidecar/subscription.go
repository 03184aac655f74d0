package sidecar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// errUnwatched is the cause that ends a subscription which nobody wants any more.
var errUnwatched = errors.New("nobody watches any more")

// subscription is a stream of the engine on its way to the host, no further ahead of it
// than its window. What feeds it waits meanwhile, and reads no more of the record.
type subscription struct {
	session *session
	number  int64
	method  string // of its notifications
	cancel  context.CancelCauseFunc
	heard   chan struct{} // closed: the request was understood
	open    chan struct{} // closed: the host knows the number
	over    chan struct{} // closed: nothing comes any more
	begun   bool
	frame   []byte // used again and again

	mu          sync.Mutex
	sent, acked int64
	moved       chan struct{} // closed when acked moves
	free        bool          // nobody will say any more what was done
}

// follow is a verb that streams: it is answered with the number of a subscription.
func follow[M any, Q request[M], A proto.Message](s *session, method string,
	stream func(context.Context, Q, func(A) error) error,
) func(context.Context, *errand, []byte) (json.RawMessage, error) {
	return func(_ context.Context, e *errand, params []byte) (json.RawMessage, error) {
		var m M
		if err := decode(params, Q(&m)); err != nil {
			return nil, err
		}
		sub := &subscription{
			session: s, method: method,
			heard: make(chan struct{}), open: make(chan struct{}), over: make(chan struct{}), moved: make(chan struct{}),
		}
		var failed error
		if !s.group.Go(func(ctx context.Context) {
			defer close(sub.over)
			ctx, sub.cancel = context.WithCancelCause(ctx)
			defer sub.cancel(nil)
			if failed = s.subscribe(sub); failed == nil {
				failed = stream(ctx, &m, func(a A) error { return sub.send(ctx, a) })
				sub.end(ctx, failed)
			}
		}) {
			return nil, errEnds
		}
		select {
		case <-sub.heard:
		case <-sub.over:
			return nil, failed
		}
		e.after = append(e.after, func() { close(sub.open) })
		return fmt.Appendf(nil, `{"subscription":%d}`, sub.number), nil
	}
}

// subscribe gives a subscription its number.
func (s *session) subscribe(sub *subscription) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.subs) >= maxSubscriptions {
		return fmt.Errorf("%w: %d subscriptions are open: end one", engine.ErrBusy, len(s.subs))
	}
	s.lastSub++
	sub.number, sub.free = s.lastSub, s.window == 0 || s.closing
	s.subs[sub.number] = sub
	s.busy++
	return nil
}

// subscription is the one with a number, nil where there is none.
func (s *session) subscription(number int64) *subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.subs[number]
}

// send sends one batch, when the host has room for it.
func (sub *subscription) send(ctx context.Context, body proto.Message) error {
	if !sub.begun {
		sub.begun = true
		close(sub.heard)
		select {
		case <-sub.open:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if proto.Size(body) == 0 {
		return nil // the stream is alive, which whoever holds the other end of the pipe knows
	}
	batch, err := sub.room(ctx)
	if err != nil {
		return err
	}
	b := append(sub.frame[:0], `{"jsonrpc":"2.0","method":"`...)
	b = append(b, sub.method...)
	b = append(b, `","params":{"subscription":`...)
	b = strconv.AppendInt(b, sub.number, 10)
	b = append(b, `,"batch":`...)
	b = strconv.AppendInt(b, batch, 10)
	b = append(b, `,"body":`...)
	if b, err = (protojson.MarshalOptions{UseProtoNames: true}).MarshalAppend(b, body); err != nil {
		return err
	}
	sub.frame = append(b, "}}"...)
	return sub.session.out.send(ctx, streams, sub.frame, nil)
}

// room waits until one more batch may be on its way, and returns its number.
func (sub *subscription) room(ctx context.Context) (batch int64, err error) {
	for {
		sub.mu.Lock()
		if sub.free || sub.sent-sub.acked < int64(sub.session.window) {
			sub.sent++
			batch = sub.sent
			sub.mu.Unlock()
			return batch, nil
		}
		moved := sub.moved
		sub.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// ack hears that the host is done with a batch and all before.
func (sub *subscription) ack(batch int64) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if batch = min(batch, sub.sent); batch > sub.acked {
		sub.acked = batch
		sub.move()
	}
}

// release lets it go ahead of the host: it says nothing any more, and the pipe is the bound.
func (sub *subscription) release() {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.free = true
	sub.move()
}

func (sub *subscription) move() {
	close(sub.moved)
	sub.moved = make(chan struct{})
}

// end says that nothing comes any more, and why if it is not the end of it all.
func (sub *subscription) end(ctx context.Context, failed error) {
	s := sub.session
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subs, sub.number)
		s.busy--
		s.settleLocked()
	}()
	if !sub.begun || errors.Is(context.Cause(ctx), errUnwatched) {
		return
	}
	<-sub.open
	said := struct {
		Subscription int64           `json:"subscription"`
		Error        json.RawMessage `json:"error,omitempty"`
	}{Subscription: sub.number}
	if failed != nil {
		err, _ := wire.DecodeConnect(failed)
		said.Error = encode(wire.EncodeError(err))
	}
	frame, err := notification("end", said)
	if err == nil {
		err = s.out.send(context.WithoutCancel(ctx), streams, frame, nil)
	}
	if err != nil {
		s.config.Logger.DebugContext(ctx, "nobody heard the end of a subscription", slog.Any("error", err))
	}
}

// named are the params that name a subscription.
type named struct {
	Subscription int64 `json:"subscription"`
	Batch        int64 `json:"batch"`
}

// unwatch ends a subscription, and returns when nothing of it comes any more.
func (s *session) unwatch(ctx context.Context, _ *errand, params []byte) (json.RawMessage, error) {
	var m named
	if err := json.Unmarshal(params, &m); err != nil || m.Subscription <= 0 {
		return nil, &paramsError{`params are {"subscription": its number}`}
	}
	if sub := s.subscription(m.Subscription); sub != nil {
		sub.cancel(errUnwatched)
		select {
		case <-sub.over:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return json.RawMessage("{}"), nil
}
