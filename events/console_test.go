package events_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/events"
)

// story is one event of each kind that says something.
func story(t *testing.T) []engine.Event {
	t.Helper()
	x, err := engine.ParseID("019a5c1e-7a4b-7c3d-9e2f-0123b41ce2a7")
	if err != nil {
		t.Fatal(err)
	}
	all := []engine.Event{
		{Kind: engine.ExecutionAccepted, Command: "bash -c 'make\ndeploy'"},
		{Kind: engine.ExecutionStatusChanged, OldStatus: engine.Pending, NewStatus: engine.Running},
		{Kind: engine.ExecutionStarted},
		{Kind: engine.StdoutWritten, Line: []byte("a\tb é 日本 \x1b[31mred\r\x9b\xff\u202e")},
		{Kind: engine.StdoutWritten, Line: []byte("passw"), Partial: true},
		{Kind: engine.StderrWritten, Line: []byte("warning")},
		{Kind: engine.TerminalResized, Size: engine.TerminalSize{Rows: 50, Cols: 132}},
		{Kind: engine.DeadlineExtended},
		{Kind: engine.DeadlineExtended, Deadline: epoch()},
		{Kind: engine.OutputSkipped, Gap: engine.Gap{Stream: engine.Stderr, Bytes: 7}},
		{Kind: engine.EventsMissed, Missed: engine.Missed{Events: 2}},
		{Kind: engine.ExecutionStopping},
		{Kind: engine.ExecutionKilling},
		{Kind: engine.ExecutionFailed, Error: "exit code 3", Result: &engine.Result{StartedAt: epoch(), Duration: 2134567 * time.Microsecond}},
	}
	for i := range all {
		all[i].ExecutionID, all[i].Time = x, epoch()
	}
	return append(all,
		engine.Event{Kind: engine.EventsMissed, Time: epoch(), Missed: engine.Missed{Executions: 1}},
		engine.Event{Kind: engine.PlanProgressed, Time: epoch(), Progress: &engine.Progress{PlanID: x, Completed: 1, Total: 3, CurrentCommand: "ls"}})
}

func TestConsole_WritesLinesForPeople(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	events.Console(&out, events.ConsoleOptions{}).HandleEvents(story(t))
	want := `[b41ce2a7] accepted: bash -c 'make\ndeploy'
[b41ce2a7] started
[b41ce2a7] out: a	b é 日本 \x1b[31mred\r\x9b\xff\u202e
[b41ce2a7] err: warning
[b41ce2a7] terminal resized: 50 rows, 132 columns
[b41ce2a7] more time given
[b41ce2a7] more time given: until ` + epoch().Local().Format(time.RFC3339) + `
[b41ce2a7] 7 bytes of stderr are no longer there
[b41ce2a7] 2 events missed
[b41ce2a7] stopping: asked to end
[b41ce2a7] killing
[b41ce2a7] failed after 2.135s: exit code 3
1 executions missed
plan 019a5c1e-7a4b-7c3d-9e2f-0123b41ce2a7: 1 of 3: ls
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("what was written (-want +got):\n%s", diff)
	}
}

func TestConsole_TimesAndColors(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := events.Console(&out, events.ConsoleOptions{Color: true, Time: time.DateTime})
	p.HandleEvents([]engine.Event{line(1, 1), ended(1, 2)})
	at := epoch().Local().Format(time.DateTime)
	want := at + " [00000001] out: a line\n" + at + " [00000001] \x1b[32mcompleted after 1s\x1b[0m\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("what was written (-want +got):\n%s", diff)
	}
}

// brittle is a writer that fails after so many bytes, until it is mended.
type brittle struct {
	bytes.Buffer
	left int
}

var errBroken = errors.New("it broke")

func (b *brittle) Write(p []byte) (int, error) {
	if len(p) <= b.left {
		b.left -= len(p)
		return b.Buffer.Write(p)
	}
	n, _ := b.Buffer.Write(p[:b.left])
	b.left = 0
	return n, errBroken
}

func TestConsole_StopsAtAnError(t *testing.T) {
	t.Parallel()
	w := &brittle{left: 4}
	p := events.Console(w, events.ConsoleOptions{})
	p.HandleEvents(lines(1, 1, 1))
	w.left = 1000
	p.HandleEvents(lines(1, 2, 1))
	if !errors.Is(p.Err(), errBroken) || w.String() != "[000" {
		t.Errorf("wrote %q, error %v", w, p.Err())
	}
}
