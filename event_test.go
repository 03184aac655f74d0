package engine_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew")

// wantGolden compares with a file of testdata, which -update writes.
func wantGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it: go test . -run '^%s$' -update", err, t.Name())
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

var (
	someID = engine.ID{0x01, 0x9a, 0x5c, 0x1e, 0x7a, 0x4b, 0x7c, 0x3d, 0x9e, 0x2f, 1, 2, 3, 4, 5, 6}
	someAt = time.Date(2026, 1, 2, 3, 4, 5, 600_700_800, time.UTC)
)

// fullResult has something in every field.
func fullResult() engine.Result {
	return engine.Result{
		ID: someID, Status: engine.Failed, Cause: engine.CauseSignal, ExitCode: -1, Signal: "SEGV", Error: "killed by signal SEGV",
		Stdout: "out\n", Stderr: "err\n",
		Output: engine.Counts{
			StdoutBytes: 4, StdoutLines: 1, StdoutOmittedBytes: 10, StdoutOmittedLines: 2, StderrBytes: 4, StderrLines: 1,
			StderrOmittedBytes: 3, StderrOmittedLines: 1, Truncated: true, Masks: 2,
		},
		AcceptedAt: someAt, StartedAt: someAt.Add(time.Second), CompletedAt: someAt.Add(3500 * time.Millisecond),
		Duration: 2500 * time.Millisecond, Queued: time.Second,
		CancelledBy: engine.Actor{Kind: engine.Human, Name: "bob"}, Forced: true, OutputIncomplete: true,
		Survivors: []engine.Survivor{{Pid: 42, Command: "sleep 300"}}, Containment: "group",
		LogPath: "/logs/a.log", LogError: "no space left on device",
		Usage: engine.Usage{
			UserTime: 1500 * time.Millisecond, SystemTime: 20 * time.Millisecond, PeakBytes: 1 << 20,
			Voluntary: 3, Involuntary: 4, ReadBlocks: 5, WriteBlocks: 6,
		},
		Cursor: 21,
	}
}

// oneOfEach is an event of every kind.
func oneOfEach() []engine.Event {
	result := fullResult()
	short := engine.Result{ID: someID, Status: engine.Completed, Success: true, Cause: engine.CauseExit, AcceptedAt: someAt, StartedAt: someAt, CompletedAt: someAt}
	all := []engine.Event{
		{Kind: engine.ExecutionAccepted, Command: "bash -c 'echo hi'", Actor: engine.Actor{Kind: engine.User, Name: "ada", OnBehalfOf: "agent:bot"}},
		{Kind: engine.ExecutionStatusChanged, OldStatus: engine.Pending, NewStatus: engine.Running},
		{Kind: engine.ExecutionStarted, Command: "bash -c 'echo hi'"},
		{Kind: engine.StdoutWritten, Line: []byte("hi"), Number: 1},
		{Kind: engine.StdoutWritten, Line: []byte{}, Number: 2},
		{Kind: engine.StdoutWritten, Line: []byte("not \xff UTF-8"), Number: 3, Continues: true},
		{Kind: engine.StderrWritten, Line: []byte("Name? "), Number: 1, Partial: true},
		{Kind: engine.StderrWritten, Line: []byte("Name? Bob"), Number: 1, Unended: true},
		{Kind: engine.OutputSkipped, Gap: engine.Gap{Stream: engine.Stderr, Bytes: 100}},
		{Kind: engine.ExecutionStopping},
		{Kind: engine.ExecutionKilling},
		{Kind: engine.ExecutionCompleted, Result: &short},
		{Kind: engine.ExecutionFailed, Result: &result, Error: result.Error},
		{Kind: engine.ExecutionCancelled, Result: &short, Error: "cancelled"},
		{Kind: engine.ExecutionTimedOut, Result: &short, Error: "timeout: it ran too long", Timeout: 300 * time.Second},
		{Kind: engine.ExecutionRejected, Result: &short, Error: "denied by policy"},
		{Kind: engine.ExecutionLost, Result: &short, Error: "how it ended is not known"},
		{Kind: engine.PlanProgressed, Progress: &engine.Progress{PlanID: someID, Completed: 1, Total: 3, CurrentCommand: "ls"}},
		{Kind: engine.EventsMissed, Missed: engine.Missed{Executions: 7}},
		{Kind: engine.TerminalResized, Size: engine.TerminalSize{Rows: 50, Cols: 132}},
		{Kind: engine.DeadlineExtended},
		{Kind: engine.DeadlineExtended, Deadline: someAt.Add(time.Hour)},
	}
	for i := range all {
		if all[i].Time, all[i].Cursor = someAt, engine.Cursor(i+1); all[i].Kind != engine.EventsMissed {
			all[i].ExecutionID = someID
		}
	}
	return all
}

func TestEvent_JSONIsStable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	for _, ev := range oneOfEach() {
		data, err := json.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(data, '\n'))
	}
	wantGolden(t, "events.golden", out.Bytes())
}

func TestEvent_JSONComesBack(t *testing.T) {
	t.Parallel()
	for _, want := range oneOfEach() {
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got engine.Event
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Kind, diff)
		}
	}
}

// Every kind that is declared has a line in the golden file.
func TestEvent_EveryKindIsGolden(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, ev := range oneOfEach() {
		seen[string(ev.Kind)] = true
	}
	for name, value := range constants(t, "event.go", "EventKind") {
		if !seen[value] {
			t.Errorf("%s (%q) is not in oneOfEach", name, value)
		}
	}
}

func TestEvent_OnlyTheLastAreTerminal(t *testing.T) {
	t.Parallel()
	for _, ev := range oneOfEach() {
		if want := ev.Result != nil; ev.Kind.Terminal() != want {
			t.Errorf("%s: want terminal %v", ev.Kind, want)
		}
	}
}

func TestResult_JSONIsStable(t *testing.T) {
	t.Parallel()
	want := fullResult()
	data, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	wantGolden(t, "result.golden", append(data, '\n'))
	var got engine.Result
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExecution_JSONIsStable(t *testing.T) {
	t.Parallel()
	want := engine.Execution{
		ID: someID, Status: engine.Pending, Type: "shell", Command: "bash -c ls",
		Actor: engine.Actor{Kind: engine.Agent, Name: "bot"}, Metadata: engine.Metadata{Source: "ui", ConversationID: someID, Tags: map[string]string{"a": "b"}},
		AcceptedAt: someAt, StartedAt: someAt, CompletedAt: someAt, Duration: 1500 * time.Millisecond, QueuePosition: 2, ExitCode: -1, Cursor: 9,
	}
	data, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	wantGolden(t, "execution.golden", append(data, '\n'))
	var got engine.Execution
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
