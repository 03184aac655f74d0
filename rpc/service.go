package rpc

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// service is the contract, one method a verb. Its errors are those of the engine: answer
// encodes them.
type service struct{ *Handler }

// answer is what a verb returns.
func answer[M any](m *M, err error) (*M, error) {
	if err != nil {
		return nil, wire.EncodeConnect(err)
	}
	return m, nil
}

// of answers a call that is about one execution.
func of[M any](id string, call func(id engine.ID) (*M, error)) (*M, error) {
	parsed, err := engine.ParseID(id)
	if err != nil {
		return answer[M](nil, err)
	}
	return answer(call(parsed))
}

// Execute accepts a request.
func (s *service) Execute(ctx context.Context, m *pb.ExecuteRequest) (*pb.ExecuteResponse, error) {
	r, err := wire.DecodeRequest(m)
	if err != nil {
		return answer[pb.ExecuteResponse](nil, err)
	}
	r.Trace = traceOf(ctx)
	id, err := s.engine.Execute(ctx, r)
	return answer(&pb.ExecuteResponse{Id: id.String()}, err)
}

// batcher is an engine to which several requests are less than one after the other.
type batcher interface {
	ExecuteBatch(ctx context.Context, requests []engine.Request) []engine.Outcome
}

// ExecuteBatch accepts several.
func (s *service) ExecuteBatch(ctx context.Context, m *pb.ExecuteBatchRequest) (*pb.ExecuteBatchResponse, error) {
	if n := len(m.GetRequests()); n > maxBatch {
		return answer[pb.ExecuteBatchResponse](nil, fmt.Errorf("%w: %d requests: one batch takes %d", engine.ErrInvalid, n, maxBatch))
	}
	outcomes := make([]engine.Outcome, len(m.GetRequests()))
	var good []engine.Request
	for i, r := range m.GetRequests() {
		request, err := wire.DecodeRequest(r)
		if outcomes[i].Err = err; err == nil {
			request.Trace = traceOf(ctx)
			good = append(good, request)
		}
	}
	accepted := s.executeAll(ctx, good)
	out := &pb.ExecuteBatchResponse{Outcomes: make([]*pb.Outcome, len(outcomes))}
	for i := range outcomes {
		if outcomes[i].Err == nil {
			outcomes[i], accepted = accepted[0], accepted[1:]
		}
		out.Outcomes[i] = wire.EncodeOutcome(outcomes[i])
	}
	return out, nil
}

func (s *service) executeAll(ctx context.Context, requests []engine.Request) []engine.Outcome {
	if b, ok := s.engine.(batcher); ok {
		return b.ExecuteBatch(ctx, requests)
	}
	outcomes := make([]engine.Outcome, len(requests))
	for i, r := range requests { // one after the other: their order is that of the queue
		outcomes[i].ID, outcomes[i].Err = s.engine.Execute(ctx, r)
	}
	return outcomes
}

// Get returns what is known of an execution.
func (s *service) Get(ctx context.Context, m *pb.GetRequest) (*pb.GetResponse, error) {
	return of(m.GetId(), func(id engine.ID) (*pb.GetResponse, error) {
		x, err := s.engine.Get(ctx, id)
		return &pb.GetResponse{Execution: wire.EncodeExecution(&x)}, err
	})
}

// Record returns what is kept of an execution.
func (s *service) Record(ctx context.Context, m *pb.RecordRequest) (*pb.RecordResponse, error) {
	return of(m.GetId(), func(id engine.ID) (*pb.RecordResponse, error) {
		keeper, ok := s.engine.(interface {
			Record(ctx context.Context, id engine.ID) (engine.Record, error)
		})
		if !ok {
			return nil, fmt.Errorf("%w: this engine keeps no requests", engine.ErrUnsupported)
		}
		r, err := keeper.Record(ctx, id)
		if err != nil {
			return nil, err
		}
		return wire.EncodeRecord(&r)
	})
}

// List returns executions that match.
func (s *service) List(ctx context.Context, m *pb.ListRequest) (*pb.ListResponse, error) {
	f, err := wire.DecodeFilter(m.GetFilter())
	if err != nil {
		return answer[pb.ListResponse](nil, err)
	}
	p, err := s.engine.List(ctx, f)
	return answer(wire.EncodePage(&p), err)
}

// Wait waits for the end of an execution, and not for long.
func (s *service) Wait(ctx context.Context, m *pb.WaitRequest) (*pb.WaitResponse, error) {
	return of(m.GetId(), func(id engine.ID) (*pb.WaitResponse, error) {
		r, err := s.ending(ctx, id, patience(m.WaitMs))
		if err != nil || r == nil {
			return &pb.WaitResponse{}, err
		}
		result, err := wire.EncodeResult(r, !m.GetWithoutOutput())
		return &pb.WaitResponse{Result: result}, err
	})
}

// ending is how an execution ended, nil where it does not within a time.
func (s *service) ending(ctx context.Context, id engine.ID, within time.Duration) (*engine.Result, error) {
	if within == 0 {
		r, err := s.engine.Result(ctx, id)
		if errors.Is(err, engine.ErrNotFinished) {
			return nil, nil //nolint:nilnil // no result yet is an answer, and no error
		}
		return &r, err
	}
	var r engine.Result
	over, err := s.bounded(ctx, within, func(ctx context.Context) (err error) {
		r, err = s.engine.Wait(ctx, id)
		return err
	})
	if err != nil || over {
		return nil, err
	}
	return &r, nil
}

// bounded calls what waits, and reports whether its time was over before.
func (s *service) bounded(ctx context.Context, within time.Duration, call func(context.Context) error) (over bool, err error) {
	ctx, leave := s.within(ctx)
	defer leave()
	short, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err = call(short)
	switch {
	case err == nil || !errors.Is(err, context.Cause(short)):
		return false, err
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	}
	return true, nil
}

// Cancel asks an execution to end.
func (s *service) Cancel(ctx context.Context, m *pb.CancelRequest) (*pb.CancelResponse, error) {
	return of(m.GetId(), func(id engine.ID) (*pb.CancelResponse, error) {
		c := engine.Cancellation{Force: m.GetForce(), Actor: wire.DecodeActor(m.GetActor())}
		return &pb.CancelResponse{}, s.engine.Cancel(ctx, id, c)
	})
}

// ExtendDeadline gives an execution more time.
func (s *service) ExtendDeadline(ctx context.Context, m *pb.ExtendDeadlineRequest) (*pb.ExtendDeadlineResponse, error) {
	return of(m.GetId(), func(id engine.ID) (*pb.ExtendDeadlineResponse, error) {
		const most = int64(engine.Forever / time.Millisecond)
		by := engine.Forever
		if ms := m.GetByMs(); ms < most {
			by = time.Duration(max(ms, -most)) * time.Millisecond
		}
		deadline, err := s.engine.Extend(ctx, id, by)
		out := &pb.ExtendDeadlineResponse{}
		if !deadline.IsZero() {
			out.Deadline = timestamppb.New(deadline)
		}
		return out, err
	})
}

// WriteStdin writes to the stdin of an execution, and does not wait for long.
func (s *service) WriteStdin(ctx context.Context, m *pb.WriteStdinRequest) (*pb.WriteStdinResponse, error) {
	return of(m.GetId(), func(id engine.ID) (*pb.WriteStdinResponse, error) {
		n := 0
		_, err := s.bounded(ctx, patience(m.WaitMs), func(ctx context.Context) (err error) {
			n, err = s.engine.WriteStdin(ctx, id, m.GetData())
			return err
		})
		if n > 0 {
			err = nil // what stood in the way stands in the way of the rest, too
		}
		return &pb.WriteStdinResponse{Written: int32(n)}, err
	})
}

// CloseStdin ends it.
func (s *service) CloseStdin(ctx context.Context, m *pb.CloseStdinRequest) (*pb.CloseStdinResponse, error) {
	return of(m.GetId(), func(id engine.ID) (*pb.CloseStdinResponse, error) {
		return &pb.CloseStdinResponse{}, s.engine.CloseStdin(ctx, id)
	})
}

// Resize changes the size of a terminal.
func (s *service) Resize(ctx context.Context, m *pb.ResizeRequest) (*pb.ResizeResponse, error) {
	return of(m.GetId(), func(id engine.ID) (*pb.ResizeResponse, error) {
		return &pb.ResizeResponse{}, s.engine.Resize(ctx, id, wire.DecodeSize(m.GetRows(), m.GetCols()))
	})
}

// AddSecrets has values masked.
func (s *service) AddSecrets(ctx context.Context, m *pb.AddSecretsRequest) (*pb.AddSecretsResponse, error) {
	return of(m.GetId(), func(id engine.ID) (*pb.AddSecretsResponse, error) {
		return &pb.AddSecretsResponse{}, s.engine.AddSecrets(ctx, id, m.GetSecrets()...)
	})
}

// Delete forgets what has ended.
func (s *service) Delete(ctx context.Context, m *pb.DeleteRequest) (*pb.DeleteResponse, error) {
	n, err := s.delete(ctx, m)
	return answer(&pb.DeleteResponse{Deleted: int32(n)}, err)
}

func (s *service) delete(ctx context.Context, m *pb.DeleteRequest) (int, error) {
	d, err := wire.DecodeDeletion(m)
	if err != nil {
		return 0, err
	}
	if m.GetOverdue() {
		if len(d.IDs) > 0 || d.Match != nil || !d.EndedBefore.IsZero() || d.Keep != 0 || d.KeepBytes != 0 {
			return 0, engine.Advise(fmt.Errorf("%w: overdue goes alone", engine.ErrInvalid), "delete the rest by another call")
		}
		return s.engine.Cleanup(ctx)
	}
	keeper, ok := s.engine.(interface {
		Delete(ctx context.Context, d engine.Deletion) (int, error)
	})
	if !ok {
		return 0, engine.Advise(fmt.Errorf("%w: this engine keeps nothing that it could delete", engine.ErrUnsupported), "overdue, alone, cleans up its memory")
	}
	return keeper.Delete(ctx, d)
}

// Stats returns counts.
func (s *service) Stats(ctx context.Context, _ *pb.StatsRequest) (*pb.StatsResponse, error) {
	stats, err := s.engine.Stats(ctx)
	if err != nil {
		return answer[pb.StatsResponse](nil, err)
	}
	m, err := wire.EncodeStats(stats)
	return answer(&pb.StatsResponse{Stats: m}, err)
}

// Info says who answers.
func (s *service) Info(context.Context, *pb.InfoRequest) (*pb.InfoResponse, error) {
	out := &pb.InfoResponse{Version: s.config.Version, Platform: runtime.GOOS + "/" + runtime.GOARCH}
	able, ok := s.engine.(interface{ Capabilities() engine.Capabilities })
	if !ok {
		return out, nil
	}
	var err error
	out.Capabilities, err = wire.EncodeCapabilities(able.Capabilities())
	return answer(out, err)
}
