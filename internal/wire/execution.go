package wire

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
)

// EncodeExecution makes the message of an execution.
func EncodeExecution(x *engine.Execution) *pb.Execution {
	return &pb.Execution{
		Id: x.ID.String(), Status: string(x.Status), CommandType: text(x.Type), Command: text(x.Command),
		Actor: EncodeActor(x.Actor), Metadata: encodeMetadata(&x.Metadata),
		AcceptedAt: stamp(x.AcceptedAt), StartedAt: stamp(x.StartedAt), CompletedAt: stamp(x.CompletedAt),
		Duration: x.Duration.String(), DurationMs: new(x.Duration.Milliseconds()), Deadline: stamp(x.Deadline),
		QueuePosition: clamp(x.QueuePosition), ExitCode: new(clamp(x.ExitCode)), Cursor: new(int64(x.Cursor)),
		Lock: text(x.Lock), LockedBy: idText(x.LockedBy),
	}
}

// DecodeExecution makes an execution of its message.
func DecodeExecution(m *pb.Execution) (engine.Execution, error) {
	id, err := engine.ParseID(m.GetId())
	if err != nil {
		return engine.Execution{}, err
	}
	x := engine.Execution{
		ID: id, Status: engine.Status(m.GetStatus()), Type: m.GetCommandType(), Command: m.GetCommand(),
		Actor:      DecodeActor(m.GetActor()),
		AcceptedAt: when(m.GetAcceptedAt()), StartedAt: when(m.GetStartedAt()), CompletedAt: when(m.GetCompletedAt()),
		Deadline: when(m.GetDeadline()), QueuePosition: int(m.GetQueuePosition()), ExitCode: int(m.GetExitCode()),
		Cursor: engine.Cursor(m.GetCursor()), Lock: m.GetLock(),
	}
	if x.LockedBy, err = idOf(m.GetLockedBy()); err != nil {
		return engine.Execution{}, err
	}
	if x.Metadata, err = decodeMetadata(m.GetMetadata()); err != nil {
		return engine.Execution{}, err
	}
	x.Duration, err = duration(m.GetDuration())
	return x, err
}

// EncodePage makes the answer of List.
func EncodePage(p *engine.Page) *pb.ListResponse {
	m := &pb.ListResponse{Next: p.Next, Total: clamp(p.Total), Executions: make([]*pb.Execution, len(p.Executions))}
	for i := range p.Executions {
		m.Executions[i] = EncodeExecution(&p.Executions[i])
	}
	return m
}

// DecodePage makes a page of the answer of List.
func DecodePage(m *pb.ListResponse) (engine.Page, error) {
	p := engine.Page{Next: m.GetNext(), Total: int(m.GetTotal()), Executions: make([]engine.Execution, len(m.GetExecutions()))}
	for i, x := range m.GetExecutions() {
		var err error
		if p.Executions[i], err = DecodeExecution(x); err != nil {
			return engine.Page{}, err
		}
	}
	return p, nil
}

// EncodeActor makes the message of an actor, nil where nobody is told.
func EncodeActor(a engine.Actor) *pb.Actor {
	if a == (engine.Actor{}) {
		return nil
	}
	return &pb.Actor{Kind: text(string(a.Kind)), Name: text(a.Name), Role: text(a.Role), OnBehalfOf: text(a.OnBehalfOf)}
}

// DecodeActor makes an actor of its message.
func DecodeActor(m *pb.Actor) engine.Actor {
	return engine.Actor{Kind: engine.ActorKind(m.GetKind()), Name: m.GetName(), Role: m.GetRole(), OnBehalfOf: m.GetOnBehalfOf()}
}

func encodeMetadata(d *engine.Metadata) *pb.Metadata {
	if d.Source == "" && d.ConversationID == (engine.ID{}) && len(d.Tags) == 0 {
		return nil
	}
	return &pb.Metadata{Source: text(d.Source), ConversationId: idText(d.ConversationID), Tags: texts(d.Tags)}
}

func decodeMetadata(m *pb.Metadata) (engine.Metadata, error) {
	conversation, err := idOf(m.GetConversationId())
	return engine.Metadata{Source: m.GetSource(), ConversationID: conversation, Tags: m.GetTags()}, err
}

// EncodeStats makes the message of counts.
func EncodeStats(s engine.Stats) (*pb.Stats, error) {
	m := &pb.Stats{}
	return m, encode(asJSON{s}, m)
}

// DecodeStats makes counts of their message.
func DecodeStats(m *pb.Stats) (s engine.Stats, err error) {
	return s, decodeInto(m, &s)
}

// EncodeCapabilities makes the message of what a machine can do.
func EncodeCapabilities(c engine.Capabilities) (*pb.Capabilities, error) {
	m := &pb.Capabilities{}
	return m, encode(asJSON{c}, m)
}

// DecodeCapabilities makes capabilities of their message.
func DecodeCapabilities(m *pb.Capabilities) (c engine.Capabilities, err error) {
	return c, decodeInto(m, &c)
}

// asJSON is a value whose JSON is what its tags say.
type asJSON struct{ value any }

// MarshalJSON writes the value.
func (v asJSON) MarshalJSON() ([]byte, error) { return json.Marshal(v.value) }

// text is a text as a message can hold it.
func text(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

func texts(m map[string]string) map[string]string {
	valid := make(map[string]string, len(m))
	for k, v := range m {
		valid[text(k)] = text(v)
	}
	return valid
}

// clamp is a number as 32 bits can hold it.
func clamp(n int) int32 { return int32(min(max(n, math.MinInt32), math.MaxInt32)) }

// stamp is a time, nil where there is none.
func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func when(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// idText is an id, empty where there is none.
func idText(id engine.ID) string {
	if id == (engine.ID{}) {
		return ""
	}
	return id.String()
}

func idOf(text string) (engine.ID, error) {
	if text == "" {
		return engine.ID{}, nil
	}
	return engine.ParseID(text)
}

// duration reads what time.Duration.String writes.
func duration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%w: duration: %w", engine.ErrInvalid, err)
	}
	return d, nil
}
