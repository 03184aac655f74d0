package wire_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// drawStory makes events as an execution has them: mostly lines, mostly such that follow
// the one before.
func drawStory(t *rapid.T) (story []engine.Event) {
	var last *engine.Event
	for range rapid.IntRange(0, 30).Draw(t, "events") {
		next := drawEvent(t)
		if last != nil && rapid.IntRange(0, 9).Draw(t, "follows") > 0 {
			line := rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "line")
			next = *last
			next.Line, next.Number, next.Cursor = line, last.Number+1, last.Cursor+engine.Cursor(len(line)+1)
		}
		story = append(story, next)
		if last = nil; next.Kind == engine.StdoutWritten || next.Kind == engine.StderrWritten {
			last = &story[len(story)-1]
		}
	}
	return story
}

// pack makes the messages of a story as a stream does.
func pack(t *rapid.T, story []engine.Event) (all []*pb.Event) {
	var open *wire.Lines
	send := func() {
		if open != nil {
			all = append(all, open.Message())
		}
	}
	for i := range story {
		ev := &story[i]
		if open != nil && open.Add(ev) {
			continue
		}
		send()
		lines, ok := wire.PackLine(ev)
		if open = lines; !ok {
			all = append(all, must[*pb.Event](t)(wire.EncodeEvent(ev, true)))
		}
	}
	send()
	return all
}

// Whatever the events are, packed they are the same ones in the same order.
func TestLines_AreTheEventsThatWereNotPacked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawStory(t)
		var got []engine.Event
		for _, m := range pack(t, want) {
			if err := wire.DecodeEvents(over(t, m), func(ev *engine.Event) error {
				got = append(got, *ev)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		same(t, want, got)
	})
}

// Lines that follow each other are one message, and what breaks the row begins another.
func TestLines_AreOneMessage(t *testing.T) {
	t.Parallel()
	line := func(n int) *engine.Event {
		return &engine.Event{Kind: engine.StdoutWritten, Line: []byte{'a', 'b', byte('0' + n)}, Number: int64(n), Cursor: engine.Cursor(100 + 4*n)}
	}
	l, ok := wire.PackLine(line(1))
	if !ok || !l.Add(line(2)) || !l.Add(line(3)) {
		t.Fatal("three lines are not one message")
	}
	if m := l.Message(); string(m.GetLinesBase64()) != "ab1\nab2\nab3\n" || m.GetLineNumber() != 1 || m.GetCursor() != 112 || m.Line != nil {
		t.Errorf("got %v", m)
	}
	for what, change := range map[string]func(ev *engine.Event){
		"a line of the other stream": func(ev *engine.Event) { ev.Kind = engine.StderrWritten },
		"of another execution":       func(ev *engine.Event) { ev.ExecutionID[0]++ },
		"of another time":            func(ev *engine.Event) { ev.Time = ev.Time.Add(1) },
		"of another place":           func(ev *engine.Event) { ev.Cursor++ },
		"with another number":        func(ev *engine.Event) { ev.Number++ },
		"without an end yet":         func(ev *engine.Event) { ev.Partial = true },
		"that goes on":               func(ev *engine.Event) { ev.Continues = true },
		"without a newline":          func(ev *engine.Event) { ev.Unended = true },
		"that is no line":            func(ev *engine.Event) { ev.Kind = engine.OutputSkipped },
	} {
		ev := line(4)
		if change(ev); l.Add(ev) {
			t.Errorf("a line %s was added", what)
		}
	}
	if !l.Add(line(4)) {
		t.Error("what was refused has changed what follows")
	}
}

// Who watches may leave in the middle of a message.
func TestDecodeEvents_StopsWhereItIsTold(t *testing.T) {
	t.Parallel()
	enough, seen := errors.New("enough"), 0
	err := wire.DecodeEvents(&pb.Event{EventType: "stdout", LinesBase64: []byte("1\n2\n3\n")}, func(*engine.Event) error {
		if seen++; seen == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || seen != 2 {
		t.Errorf("%d were seen, %v", seen, err)
	}
}

func TestDecodeEvents_RefusesDamage(t *testing.T) {
	t.Parallel()
	for what, m := range map[string]*pb.Event{
		"no lines":   {EventType: "stdout", LinesBase64: []byte{}},
		"no newline": {EventType: "stdout", LinesBase64: []byte("a\nb")},
		"no stream":  {EventType: "started", LinesBase64: []byte("a\n")},
		"no id":      {EventType: "stdout", ExecutionId: "x", LinesBase64: []byte("a\n")},
	} {
		if err := wire.DecodeEvents(m, func(ev *engine.Event) error {
			t.Errorf("%s: got %+v", what, ev)
			return nil
		}); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
