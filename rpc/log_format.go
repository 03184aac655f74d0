package rpc

import (
	"encoding/json"
	"fmt"

	engine "github.com/escher-dbai/cloudops-engine"
)

// logFormat is how logs are written.
type logFormat struct {
	name, mime string
	alive      string // what a stream says that has nothing to say; empty where a reader would take it for output
	ends       bool   // its reader has to be told that there is nothing more to come for
	// event writes one; nil where output is written as it is.
	event   func(ev *engine.Event) ([]byte, error)
	line    func(id engine.ID, l *engine.Line) ([]byte, error)
	failure func(err error) []byte
}

// logFormats are all, the default first.
func logFormats() []logFormat {
	return []logFormat{
		{
			name: "text", mime: "text/plain; charset=utf-8",
			line:    textLine,
			failure: func(err error) []byte { return fmt.Appendf(nil, "\n[... error: %v ...]\n", err) },
		},
		{
			name: "ndjson", mime: "application/x-ndjson",
			event:   ndjsonEvent,
			line:    func(id engine.ID, l *engine.Line) ([]byte, error) { return ndjsonEvent(lineEvent(id, l)) },
			failure: func(err error) []byte { return fmt.Appendf(nil, "{\"error\":%s}\n", failureJSON(err)) },
		},
		{
			name: "sse", mime: "text/event-stream",
			alive: ":\n\n", ends: true,
			event:   sseEvent,
			line:    func(id engine.ID, l *engine.Line) ([]byte, error) { return sseEvent(lineEvent(id, l)) },
			failure: func(err error) []byte { return fmt.Appendf(nil, "event: error\ndata: %s\n\n", failureJSON(err)) },
		},
	}
}

// formatOf is the format of a name, else the one that a client accepts, else text.
func formatOf(name, accept string) (logFormat, error) {
	all := logFormats()
	for _, f := range all {
		if f.name == name || name == "" && accepts(accept, f.mime) {
			return f, nil
		}
	}
	if name != "" {
		return logFormat{}, wrong("format", name, "it is text, ndjson or sse")
	}
	return all[0], nil
}

// textLine is a line as it was written, where it has an end with that.
func textLine(_ engine.ID, l *engine.Line) ([]byte, error) {
	text := append([]byte(nil), l.Text...)
	if !l.Partial && !l.Continues && !l.Unended {
		text = append(text, '\n')
	}
	return text, nil
}

// lineEvent is the event of a line.
func lineEvent(id engine.ID, l *engine.Line) *engine.Event {
	return &engine.Event{
		Kind: engine.EventKind(l.Stream.String()), ExecutionID: id, Time: l.Time, Cursor: l.Cursor,
		Line: l.Text, Number: l.Number, Partial: l.Partial, Continues: l.Continues, Unended: l.Unended,
	}
}

func ndjsonEvent(ev *engine.Event) ([]byte, error) {
	data, err := json.Marshal(ev)
	return append(data, '\n'), err
}

func sseEvent(ev *engine.Event) ([]byte, error) {
	data, err := json.Marshal(ev)
	return fmt.Appendf(nil, "id: %d\ndata: %s\n\n", ev.Cursor, data), err
}
