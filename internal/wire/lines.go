package wire

import (
	"bytes"
	"errors"
	"slices"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
)

// Lines are lines of one stream that follow each other, as one message: what they cost is
// then by the byte and not by the line. It becomes a message when it is sent: until then a
// line of a reader that is behind takes a third of what it takes as one. Make them with
// [PackLine].
type Lines struct {
	kind  engine.EventKind
	id    engine.ID
	at    time.Time
	first int64 // number
	text  []byte

	// Of the last line, what the next has to follow.
	number int64
	cursor engine.Cursor
}

// PackLine begins lines that others may be added to. It reports false for what is no whole
// line, and goes alone: by [EncodeEvent].
func PackLine(ev *engine.Event) (*Lines, bool) {
	if !packs(ev) {
		return nil, false
	}
	l := &Lines{kind: ev.Kind, id: ev.ExecutionID, at: ev.Time, first: ev.Number}
	l.take(ev)
	return l, true
}

// Add takes one more line. It reports false where that does not follow.
func (l *Lines) Add(ev *engine.Event) bool {
	if ev.Kind != l.kind || ev.ExecutionID != l.id || ev.Number != l.number+1 ||
		ev.Cursor != l.cursor+engine.Cursor(len(ev.Line)+1) || !ev.Time.Equal(l.at) || !packs(ev) {
		return false
	}
	l.take(ev)
	return true
}

// Message is what is sent of them. Nothing may be added any more.
func (l *Lines) Message() *pb.Event {
	return &pb.Event{
		EventType: string(l.kind), ExecutionId: idText(l.id), Timestamp: stamp(l.at),
		LineNumber: l.first, LinesBase64: l.text, Cursor: int64(l.cursor),
	}
}

// packs reports whether an event is a line that has nothing but a number.
func packs(ev *engine.Event) bool {
	isLine := ev.Kind == engine.StdoutWritten || ev.Kind == engine.StderrWritten
	return isLine && !ev.Partial && !ev.Continues && !ev.Unended && bytes.IndexByte(ev.Line, '\n') < 0
}

func (l *Lines) take(ev *engine.Event) {
	if more := len(ev.Line) + 1; cap(l.text)-len(l.text) < more {
		l.text = slices.Grow(l.text, max(more, len(l.text))) // twice as much: append alone grows large ones in small steps
	}
	l.text = append(append(l.text, ev.Line...), '\n')
	l.number, l.cursor = ev.Number, ev.Cursor
}

// DecodeEvents calls do with each event of a message, until it returns an error.
func DecodeEvents(m *pb.Event, do func(ev *engine.Event) error) error {
	if m.LinesBase64 != nil {
		return decodeLines(m, do)
	}
	ev, err := DecodeEvent(m)
	if err != nil {
		return err
	}
	return do(&ev)
}

// errLines is of a message that no [Lines] made.
var errLines = errors.New("packed lines are damaged: whoever sent them is no engine")

func decodeLines(m *pb.Event, do func(ev *engine.Event) error) error {
	text := m.LinesBase64
	id, err := idOf(m.GetExecutionId())
	if err != nil || len(text) == 0 || text[len(text)-1] != '\n' {
		return errors.Join(errLines, err)
	}
	ev := engine.Event{
		Kind: engine.EventKind(m.GetEventType()), ExecutionID: id, Time: when(m.GetTimestamp()),
		Number: m.GetLineNumber(), Cursor: engine.Cursor(m.GetCursor() - int64(len(text))),
	}
	if ev.Kind != engine.StdoutWritten && ev.Kind != engine.StderrWritten {
		return errLines
	}
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n')
		ev.Line = text[:end:end]
		ev.Cursor += engine.Cursor(end + 1)
		if err := do(&ev); err != nil {
			return err
		}
		ev.Number++
		text = text[end+1:]
	}
	return nil
}
