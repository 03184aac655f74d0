package rpc

import (
	"context"
	"fmt"
	"iter"

	"connectrpc.com/connect"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// said is one thing that a stream of events says: an event, lines that are one, or why
// there are no more.
type said struct {
	event   *pb.Event
	lines   *wire.Lines
	failure *pb.Failure
}

// overhead is about what an event takes besides its line.
const overhead = 100

// Watch streams the events of a set of executions.
func (s *service) Watch(ctx context.Context, m *pb.WatchRequest, out *connect.ServerStream[pb.WatchResponse]) error {
	return s.Events(ctx, m, out.Send)
}

// Events is Watch for a door of another kind: send gets each message, until it returns.
// The first is empty, and says that the request was understood; others that are say that
// the stream is alive. It returns when all has been sent, with the error of send, or
// with one of Connect.
func (h *Handler) Events(ctx context.Context, m *pb.WatchRequest, send func(*pb.WatchResponse) error) error {
	var sources []func(context.Context, *feed[said]) error
	var ids []engine.ID
	for _, p := range m.GetExecutions() {
		id, err := engine.ParseID(p.GetId())
		if err != nil {
			return wire.EncodeConnect(err)
		}
		ids = append(ids, id)
		sources = append(sources, func(ctx context.Context, f *feed[said]) error {
			return h.events(ctx, f, m, id, asAsked(p, h.engine.Watch(ctx, id, engine.Cursor(p.GetFrom()))))
		})
	}
	if n := len(sources); n == 0 || n > maxWatched {
		return wire.EncodeConnect(fmt.Errorf("%w: %d executions: one stream watches 1 to %d", engine.ErrInvalid, n, maxWatched))
	}
	if m.GetPlan() {
		sources = []func(context.Context, *feed[said]) error{func(ctx context.Context, f *feed[said]) error { return h.planEvents(ctx, f, m, ids) }}
	}
	pass := func(batch []said) error {
		m := &pb.WatchResponse{}
		if len(batch) > 0 {
			m.Events = make([]*pb.Event, 0, len(batch))
		}
		for _, s := range batch {
			switch {
			case s.failure != nil:
				m.Failures = append(m.Failures, s.failure)
			case s.lines != nil:
				m.Events = append(m.Events, s.lines.Message())
			default:
				m.Events = append(m.Events, s.event)
			}
		}
		return send(m)
	}
	return wire.EncodeConnect(stream(ctx, h, h.config.keepAlive(m.KeepAliveMs), pass, sources...))
}

// planEvents puts the events of a plan, whose id comes first, and of its commands into a feed.
func (h *Handler) planEvents(ctx context.Context, f *feed[said], m *pb.WatchRequest, ids []engine.ID) error {
	at := make(map[engine.ID]engine.Cursor, len(ids))
	for i, p := range m.GetExecutions() {
		at[ids[i]] = engine.Cursor(p.GetFrom())
	}
	id := ids[0]
	return h.events(ctx, f, m, id, asAsked(m.GetExecutions()[0], engine.ResumePlan(ctx, h.engine, id, at[id], at)))
}

// asAsked are the events without output, where that is asked for: of a plan, its own
// position says it for its commands too.
func asAsked(p *pb.Position, all iter.Seq2[engine.Event, error]) iter.Seq2[engine.Event, error] {
	if !p.GetWithoutLines() {
		return all
	}
	return func(yield func(engine.Event, error) bool) {
		for ev, err := range all {
			if (err != nil || !isOutput(ev.Kind)) && !yield(ev, err) {
				return
			}
		}
	}
}

// events puts the events of an execution into a feed. That one cannot be followed does not
// end the stream of the others.
func (h *Handler) events(ctx context.Context, f *feed[said], m *pb.WatchRequest, id engine.ID, all iter.Seq2[engine.Event, error]) error {
	for ev, err := range all {
		size := len(ev.Line) + overhead
		if err == nil && m.GetPacked() {
			if f.amend(len(ev.Line), func(last *said) bool { return last.lines != nil && last.lines.Add(&ev) }) {
				continue
			}
		}
		var item said
		if err == nil {
			item, err = say(&ev, m)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			f.put(ctx, said{failure: &pb.Failure{ExecutionId: id.String(), Error: wire.EncodeError(err)}}, overhead)
			return nil
		}
		if !f.put(ctx, item, size) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// isOutput reports whether an event tells of output, or of some that is not there any more.
func isOutput(k engine.EventKind) bool {
	return k == engine.StdoutWritten || k == engine.StderrWritten || k == engine.OutputSkipped
}

// say makes of an event what a stream says, as whoever watches asked for it.
func say(ev *engine.Event, m *pb.WatchRequest) (said, error) {
	if m.GetPacked() {
		if lines, ok := wire.PackLine(ev); ok {
			return said{lines: lines}, nil
		}
	}
	message, err := wire.EncodeEvent(ev, !m.GetWithoutOutput())
	return said{event: message}, err
}

// ReadOutput streams output, or lines of it.
func (s *service) ReadOutput(ctx context.Context, m *pb.ReadOutputRequest, out *connect.ServerStream[pb.ReadOutputResponse]) error {
	return s.Output(ctx, m, out.Send)
}

// Output is ReadOutput for a door of another kind, as Events is Watch.
func (h *Handler) Output(ctx context.Context, m *pb.ReadOutputRequest, send func(*pb.ReadOutputResponse) error) error {
	id, err := engine.ParseID(m.GetId())
	if err != nil {
		return wire.EncodeConnect(err)
	}
	keepAlive := h.config.keepAlive(m.KeepAliveMs)
	if m.GetLines() == nil {
		pass := func(batch []*pb.Chunk) error { return send(&pb.ReadOutputResponse{Chunks: batch}) }
		return wire.EncodeConnect(stream(ctx, h, keepAlive, pass, func(ctx context.Context, f *feed[*pb.Chunk]) error {
			return h.chunks(ctx, f, id, engine.Cursor(m.GetFrom()))
		}))
	}
	q, err := wire.DecodeLineQuery(m.GetLines())
	if err != nil {
		return wire.EncodeConnect(err)
	}
	pass := func(batch []*pb.Line) error { return send(&pb.ReadOutputResponse{Lines: batch}) }
	return wire.EncodeConnect(stream(ctx, h, keepAlive, pass, func(ctx context.Context, f *feed[*pb.Line]) error {
		return h.lines(ctx, f, id, q)
	}))
}

// chunks puts the output of an execution into a feed.
func (h *Handler) chunks(ctx context.Context, f *feed[*pb.Chunk], id engine.ID, from engine.Cursor) error {
	for o, err := range h.engine.Output(ctx, id, from) {
		if err != nil {
			return err
		}
		if !f.put(ctx, wire.EncodeOutput(&o), len(o.Data)+overhead) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// lines puts the lines that a query chooses into a feed.
func (h *Handler) lines(ctx context.Context, f *feed[*pb.Line], id engine.ID, q engine.LineQuery) error {
	for l, err := range h.engine.Lines(ctx, id, q) {
		if err != nil {
			return err
		}
		if !f.put(ctx, wire.EncodeLine(&l), len(l.Text)+overhead) {
			return context.Cause(ctx)
		}
	}
	return nil
}
