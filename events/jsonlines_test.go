package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/events"
)

// parse reads what a Log wrote.
func parse(t *testing.T, text string) []engine.Event {
	t.Helper()
	var all []engine.Event
	for text := range strings.Lines(text) {
		var ev engine.Event
		if err := json.Unmarshal([]byte(text), &ev); err != nil {
			t.Fatalf("line %q: %v", text, err)
		}
		all = append(all, ev)
	}
	return all
}

func TestJSONLines_AreTheOriginalsEvents(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := events.JSONLines(&out)
	given := []engine.Event{line(1, 1), ended(1, 2)}
	l.HandleEvents(given)
	first, _, _ := strings.Cut(out.String(), "\n")
	want := `{"event_type":"stdout","execution_id":"00000000-0000-0000-0000-000000000001",` +
		`"timestamp":"2026-01-02T03:04:05Z","cursor":1,"line":"a line","line_number":1}`
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("the first line (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(given, parse(t, out.String())); diff != "" {
		t.Errorf("what was written (-want +got):\n%s", diff)
	}
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestJSONLines_TellsWhatCouldNotBeWritten(t *testing.T) {
	t.Parallel()
	w := &brittle{}
	l := events.JSONLines(w)
	one, err := json.Marshal(line(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	w.left = 2*len(one) + 5 // a whole line, and a part of the next
	l.HandleEvents(lines(1, 1, 4))
	l.HandleEvents(lines(1, 5, 2))
	w.left = 1 << 20
	l.HandleEvents(lines(1, 7, 1))
	l.HandleEvents(lines(1, 8, 1))
	if !errors.Is(l.Err(), errBroken) {
		t.Errorf("Err: %v, want what broke", l.Err())
	}
	text := strings.SplitAfterN(w.String(), "\n", 4)
	if len(text) != 4 || json.Valid([]byte(text[2])) {
		t.Fatalf("the third line is to be torn: %q", text)
	}
	var got []summary
	for _, ev := range parse(t, text[0]+text[1]+text[3]) {
		got = append(got, summary{ev.ExecutionID[15], ev.Kind, ev.Cursor, ev.Missed.Events})
	}
	want := []summary{
		{1, engine.StdoutWritten, 1, 0},
		{1, engine.StdoutWritten, 2, 0},
		{0, engine.EventsMissed, 0, 4},
		{1, engine.StdoutWritten, 7, 0},
		{1, engine.StdoutWritten, 8, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what was written (-want +got):\n%s", diff)
	}
}

func TestJSONLinesFile_AppendsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	for range 2 {
		l, err := events.JSONLinesFile(path)
		if err != nil {
			t.Fatal(err)
		}
		l.HandleEvents(lines(1, 1, 1))
		if err := errors.Join(l.Close(), l.Close()); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(parse(t, string(text))); got != 2 {
		t.Errorf("%d lines, want 2", got)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); runtime.GOOS != "windows" && got != 0o600 {
		t.Errorf("the mode is %o, want 600", got)
	}
}

func TestJSONLinesFile_EndsATornLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := os.WriteFile(path, []byte(`{"event_ty`), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := events.JSONLinesFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l.HandleEvents(lines(1, 1, 1))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	torn, whole, _ := strings.Cut(string(text), "\n")
	if torn != `{"event_ty` || len(parse(t, whole)) != 1 {
		t.Errorf("the file has %q", text)
	}
}

func TestJSONLinesFile_AfterCloseEventsAreLost(t *testing.T) {
	t.Parallel()
	l, err := events.JSONLinesFile(filepath.Join(t.TempDir(), "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l.HandleEvents(lines(1, 1, 1))
	if !errors.Is(l.Err(), os.ErrClosed) {
		t.Errorf("Err: %v, want os.ErrClosed", l.Err())
	}
	if _, err := events.JSONLinesFile(filepath.Join(t.TempDir(), "missing", "audit.jsonl")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file in no directory: %v, want ErrNotExist", err)
	}
}
