package wire

import (
	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
)

// EncodeFilter makes the message of a filter.
func EncodeFilter(f *engine.Filter) *pb.Filter {
	m := &pb.Filter{
		IdPrefix: f.IDPrefix, Program: f.Program, Tags: f.Tags, Source: f.Source, ConversationId: idText(f.ConversationID),
		Text: f.Text, Since: stamp(f.Since), Until: stamp(f.Until),
		Limit: clamp(f.Limit), After: f.After, Oldest: f.Oldest, Total: f.Total,
	}
	for _, s := range f.Status {
		m.Status = append(m.Status, string(s))
	}
	for _, t := range f.Type {
		m.CommandType = append(m.CommandType, string(t))
	}
	if f.ExitCode != nil {
		m.ExitCode = new(clamp(*f.ExitCode))
	}
	return m
}

// DecodeFilter makes a filter of its message; nil is all. Errors: ErrInvalid.
func DecodeFilter(m *pb.Filter) (engine.Filter, error) {
	conversation, err := idOf(m.GetConversationId())
	if err != nil {
		return engine.Filter{}, err
	}
	f := engine.Filter{
		IDPrefix: m.GetIdPrefix(), Program: m.GetProgram(), Tags: m.GetTags(), Source: m.GetSource(), ConversationID: conversation,
		Text: m.GetText(), Since: when(m.GetSince()), Until: when(m.GetUntil()),
		Limit: int(m.GetLimit()), After: m.GetAfter(), Oldest: m.GetOldest(), Total: m.GetTotal(),
	}
	for _, s := range m.GetStatus() {
		f.Status = append(f.Status, engine.Status(s))
	}
	for _, t := range m.GetCommandType() {
		f.Type = append(f.Type, engine.CommandType(t))
	}
	if m != nil && m.ExitCode != nil {
		f.ExitCode = new(int(m.GetExitCode()))
	}
	return f, nil
}

// EncodeDeletion makes the message of a deletion.
func EncodeDeletion(d *engine.Deletion) *pb.DeleteRequest {
	m := &pb.DeleteRequest{EndedBefore: stamp(d.EndedBefore), Keep: clamp(d.Keep), KeepBytes: d.KeepBytes}
	for _, id := range d.IDs {
		m.Ids = append(m.Ids, id.String())
	}
	if d.Match != nil {
		m.Match = EncodeFilter(d.Match)
	}
	return m
}

// DecodeDeletion makes a deletion of its message. Errors: ErrInvalid.
func DecodeDeletion(m *pb.DeleteRequest) (engine.Deletion, error) {
	d := engine.Deletion{EndedBefore: when(m.GetEndedBefore()), Keep: int(m.GetKeep()), KeepBytes: m.GetKeepBytes()}
	for _, text := range m.GetIds() {
		id, err := engine.ParseID(text)
		if err != nil {
			return engine.Deletion{}, err
		}
		d.IDs = append(d.IDs, id)
	}
	if m.GetMatch() != nil {
		f, err := DecodeFilter(m.GetMatch())
		if err != nil {
			return engine.Deletion{}, err
		}
		d.Match = &f
	}
	return d, nil
}
