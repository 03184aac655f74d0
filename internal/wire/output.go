package wire

import (
	"fmt"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
)

// EncodeOutput makes the message of a piece of output, with a copy of its bytes.
func EncodeOutput(o *engine.Output) *pb.Chunk {
	return &pb.Chunk{
		Stream: o.Stream.String(), Data: append([]byte(nil), o.Data...), Skipped: o.Skipped,
		Timestamp: stamp(o.Time), Cursor: int64(o.Cursor),
	}
}

// DecodeOutput makes a piece of output of its message.
func DecodeOutput(m *pb.Chunk) (engine.Output, error) {
	s, err := ParseStream(m.GetStream())
	return engine.Output{
		Stream: s, Data: m.GetData(), Skipped: m.GetSkipped(), Time: when(m.GetTimestamp()), Cursor: engine.Cursor(m.GetCursor()),
	}, err
}

// EncodeLine makes the message of a line, with a copy of its text.
func EncodeLine(l *engine.Line) *pb.Line {
	m := &pb.Line{
		Stream: l.Stream.String(), LineNumber: l.Number, Cursor: int64(l.Cursor), Timestamp: stamp(l.Time),
		Partial: l.Partial, Continues: l.Continues, Unended: l.Unended,
	}
	m.Line, m.LineBase64 = textAndBytes(l.Text)
	m.LineBase64 = append([]byte(nil), m.LineBase64...)
	return m
}

// DecodeLine makes a line of its message.
func DecodeLine(m *pb.Line) (engine.Line, error) {
	s, err := ParseStream(m.GetStream())
	return engine.Line{
		Stream: s, Number: m.GetLineNumber(), Cursor: engine.Cursor(m.GetCursor()), Time: when(m.GetTimestamp()),
		Text: exactBytes(m.Line, m.LineBase64), Partial: m.GetPartial(), Continues: m.GetContinues(), Unended: m.GetUnended(),
	}, err
}

// EncodeLineQuery makes the message of a query.
func EncodeLineQuery(q *engine.LineQuery) *pb.LineQuery {
	m := &pb.LineQuery{
		From: int64(q.From), Last: clamp(q.Last), LastBytes: q.LastBytes, FirstNumber: q.FirstNumber, LastNumber: q.LastNumber,
		Since: stamp(q.Since), Until: stamp(q.Until), Contains: q.Contains, Match: q.Match, Plain: q.Plain, Limit: clamp(q.Limit),
	}
	for _, s := range q.Streams {
		m.Streams = append(m.Streams, s.String())
	}
	return m
}

// DecodeLineQuery makes a query of its message. Errors: ErrInvalid.
func DecodeLineQuery(m *pb.LineQuery) (engine.LineQuery, error) {
	q := engine.LineQuery{
		From: engine.Cursor(m.GetFrom()), Last: int(m.GetLast()), LastBytes: m.GetLastBytes(),
		FirstNumber: m.GetFirstNumber(), LastNumber: m.GetLastNumber(), Since: when(m.GetSince()), Until: when(m.GetUntil()),
		Contains: m.GetContains(), Match: m.GetMatch(), Plain: m.GetPlain(), Limit: int(m.GetLimit()),
	}
	for _, name := range m.GetStreams() {
		s, err := ParseStream(name)
		if err != nil {
			return engine.LineQuery{}, err
		}
		q.Streams = append(q.Streams, s)
	}
	return q, nil
}

// ParseStream reads the name of a stream. Errors: ErrInvalid.
func ParseStream(name string) (engine.Stream, error) {
	for _, s := range []engine.Stream{engine.Stdout, engine.Stderr} {
		if s.String() == name {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%w: stream %.40q is none: must be stdout or stderr", engine.ErrInvalid, name)
}
