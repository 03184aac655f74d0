package sidecar

import (
	"context"
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/gen/cloudops/v1/cloudopsv1connect"
)

// verb is a method: what it does, and what is different about it.
type verb struct {
	do      func(ctx context.Context, e *errand, params []byte) (result json.RawMessage, err error)
	inOrder bool // calls that are about one execution are done in the order in which they came
	accepts bool // it may start something, which the end of the session has to know of
}

// verbs is the table of methods. A verb with one answer is a line here and no more.
func (s *session) verbs(to cloudopsv1connect.ExecutionServiceHandler) map[string]verb {
	return map[string]verb{
		"Execute":        {do: unary(noted(s, to.Execute)), accepts: true},
		"ExecuteBatch":   {do: unary(noted(s, to.ExecuteBatch)), accepts: true},
		"CheckPlan":      {do: s.alone(unary(to.CheckPlan))},
		"Get":            {do: unary(to.Get)},
		"Record":         {do: unary(to.Record)},
		"List":           {do: unary(to.List)},
		"Wait":           {do: s.wait(to.Wait)},
		"Cancel":         {do: unary(to.Cancel)},
		"ExtendDeadline": {do: unary(to.ExtendDeadline)},
		"WriteStdin":     {do: unary(to.WriteStdin), inOrder: true},
		"CloseStdin":     {do: unary(to.CloseStdin), inOrder: true},
		"Resize":         {do: unary(to.Resize)},
		"AddSecrets":     {do: unary(to.AddSecrets)},
		"Delete":         {do: unary(to.Delete)},
		"Stats":          {do: unary(to.Stats)},
		"Info":           {do: unary(to.Info)},
		"Watch":          {do: follow(s, "watch", s.config.Streams.Events)},
		"ReadOutput":     {do: follow(s, "output", s.config.Streams.Output)},
		"Unwatch":        {do: s.unwatch},
		"Ping":           {do: ping},
	}
}

// request is a message that can be made.
type request[M any] interface {
	*M
	proto.Message
}

// unary is a verb of the contract that has one answer.
func unary[M any, Q request[M], A proto.Message](call func(context.Context, Q) (A, error)) func(context.Context, *errand, []byte) (json.RawMessage, error) {
	return func(ctx context.Context, _ *errand, params []byte) (json.RawMessage, error) {
		var m M
		if err := decode(params, Q(&m)); err != nil {
			return nil, err
		}
		answer, err := call(ctx, &m)
		if err != nil {
			return nil, err
		}
		return encode(answer), nil
	}
}

// noted keeps what a verb has started.
func noted[Q any, A proto.Message](s *session, call func(context.Context, Q) (A, error)) func(context.Context, Q) (A, error) {
	return func(ctx context.Context, q Q) (A, error) {
		answer, err := call(ctx, q)
		switch m := any(answer).(type) {
		case *pb.ExecuteResponse:
			s.started.add(ctx, m.GetId())
		case *pb.ExecuteBatchResponse:
			for _, o := range m.GetOutcomes() {
				s.started.add(ctx, o.GetId())
			}
		}
		return answer, err
	}
}

// alone is a verb whose answers may be large: there is one in memory.
func (s *session) alone(do func(context.Context, *errand, []byte) (json.RawMessage, error)) func(context.Context, *errand, []byte) (json.RawMessage, error) {
	return func(ctx context.Context, e *errand, params []byte) (json.RawMessage, error) {
		if err := e.large(ctx, s.results); err != nil {
			return nil, err
		}
		return do(ctx, e, params)
	}
}

// wait is Wait. Results may be large, and a host may ask for many and read none: there is
// one in memory, and others are made when it is written.
func (s *session) wait(call func(context.Context, *pb.WaitRequest) (*pb.WaitResponse, error)) func(context.Context, *errand, []byte) (json.RawMessage, error) {
	ended := unary(call)
	return func(ctx context.Context, e *errand, params []byte) (json.RawMessage, error) {
		m := &pb.WaitRequest{}
		if err := decode(params, m); err != nil {
			return nil, err
		}
		if !m.GetWithoutOutput() {
			m.WithoutOutput = true
			answer, err := call(ctx, m)
			if err != nil || answer.GetResult() == nil {
				return encode(answer), err
			}
			m.WithoutOutput, m.WaitMs = false, new(int32(0))
			if err := e.large(ctx, s.results); err != nil {
				return nil, err
			}
		}
		return ended(ctx, e, encode(m))
	}
}

// ping is answered as soon as the pipe lets it.
func ping(_ context.Context, _ *errand, params []byte) (json.RawMessage, error) {
	if err := decode(params, &pb.InfoRequest{}); err != nil { // it has no field either
		return nil, err
	}
	return json.RawMessage("{}"), nil
}

// decode reads params as strictly as the daemon does.
func decode(params []byte, m proto.Message) error {
	if len(params) == 0 {
		return nil
	}
	if params[0] != '{' {
		return &paramsError{"params must be an object"}
	}
	if err := protojson.Unmarshal(params, m); err != nil {
		text := strings.ReplaceAll(err.Error(), "\u00a0", " ") // the library has two kinds of space, by chance
		return &paramsError{strings.TrimPrefix(text, "proto: ")}
	}
	return nil
}

// paramsError is that params are not those of the method.
type paramsError struct{ text string }

func (e *paramsError) Error() string { return e.text }
