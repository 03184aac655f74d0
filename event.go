package engine

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// Stream names an output stream: [Stdout] or [Stderr].
type Stream = journal.Stream

// The output streams.
const (
	Stdout = journal.Stdout
	Stderr = journal.Stderr
)

// EventKind says what an [Event] tells.
type EventKind string

// The kinds of event: the original's, and ours from ExecutionAccepted on.
const (
	ExecutionStarted       EventKind = "started"        // Command
	StdoutWritten          EventKind = "stdout"         // Line, and the fields beside it
	StderrWritten          EventKind = "stderr"         // Line, and the fields beside it
	ExecutionCompleted     EventKind = "completed"      // Result
	ExecutionFailed        EventKind = "failed"         // Result, Error
	ExecutionCancelled     EventKind = "cancelled"      // Result
	ExecutionTimedOut      EventKind = "timeout"        // Result, Timeout
	ExecutionStatusChanged EventKind = "status_changed" // OldStatus, NewStatus
	PlanProgressed         EventKind = "progress"       // Progress: of a plan

	ExecutionAccepted EventKind = "accepted"          // Command, Actor
	ExecutionStopping EventKind = "stopping"          // the stop signal was sent
	ExecutionKilling  EventKind = "killing"           // KILL was sent
	ExecutionRejected EventKind = "rejected"          // Result, Error
	ExecutionLost     EventKind = "lost"              // Result, Error
	TerminalResized   EventKind = "resized"           // Size
	DeadlineExtended  EventKind = "deadline_extended" // Deadline
	OutputSkipped     EventKind = "gap"               // Gap: output that is no longer there
	EventsMissed      EventKind = "missed"            // Missed: a handler was too slow
)

// Terminal reports whether an event of this kind is the last of its execution.
func (k EventKind) Terminal() bool {
	return Status(k).Terminal() // they have the names of the statuses that they bring
}

// Event is one thing that happened to an execution: a line of output or a step
// of its life. Kind says which fields mean something.
//
// JSON: flat, with the original's names (event_type, execution_id, timestamp, …)
// and cursor; fields of other kinds are absent.
type Event struct {
	Kind        EventKind
	ExecutionID ID
	Time        time.Time
	// Cursor is where a reader goes on that has seen this event: what it passes to
	// Watch. It never goes back.
	Cursor Cursor

	// Line is a line of output without its newline. It must not be changed.
	Line []byte
	// Number counts the lines of a stream from 1.
	Number int64
	// Partial marks a line that has no end yet. It comes again, whole, under the
	// same number.
	Partial bool
	// Continues marks a piece of a line longer than 1 MiB, or one cut by a gap:
	// the next of the same number goes on where it stops.
	Continues bool
	// Unended marks a last line without a newline.
	Unended bool

	Command   string
	Actor     Actor // who asked
	Result    *Result
	Error     string
	Timeout   time.Duration
	OldStatus Status
	NewStatus Status
	// Deadline is the new one; zero where the execution did not run yet.
	Deadline time.Time
	// Size is the new size of its terminal.
	Size TerminalSize

	Gap      Gap
	Missed   Missed
	Progress *Progress

	// Trace is that of the request, in endings that a handler below [WithoutOutput] hears
	// of. It is not part of the JSON.
	Trace Trace
}

// Gap is output that a limit left out.
type Gap struct {
	Stream Stream
	Bytes  int64
}

// Missed is what an event handler that was too slow did not get.
type Missed struct {
	// Executions is how many it heard no ending of: their records were cleaned up
	// before it came to them.
	Executions int64 `json:"executions"`
	// Events is how many events are missing of executions whose ending comes.
	Events int64 `json:"events,omitempty"`
}

// Progress is how far a plan is.
type Progress struct {
	PlanID         ID     `json:"plan_id"`
	Completed      int    `json:"completed"`
	Total          int    `json:"total"`
	CurrentCommand string `json:"current_command,omitempty"`

	// What became of the current command: its index among all that run, the execution of
	// its attempt (zero where it was never started), and its state.
	Index     int       `json:"command_index"`
	CommandID ID        `json:"command_id,omitzero"`
	Attempt   int       `json:"command_attempt,omitempty"`
	State     PlanState `json:"command_status,omitempty"`
	// ElapsedMS is how long it ran, in milliseconds, where it is over and did.
	ElapsedMS int64 `json:"command_elapsed_ms,omitempty"`
	// EstimateMS is how long it took before, in milliseconds, as a rule, and PlanEstimateMS
	// how long a plan of the same description did. 0: nobody knows.
	EstimateMS     int64 `json:"command_estimate_ms,omitempty"`
	PlanEstimateMS int64 `json:"estimate_ms,omitempty"`
}

// eventJSON is an Event on the wire.
type eventJSON struct {
	Kind        EventKind `json:"event_type"`
	ExecutionID ID        `json:"execution_id,omitzero"`
	Time        time.Time `json:"timestamp"`
	Cursor      Cursor    `json:"cursor"`

	Line       *string `json:"line,omitempty"`
	LineBase64 []byte  `json:"line_base64,omitempty"`
	Number     int64   `json:"line_number,omitempty"`
	Partial    bool    `json:"partial,omitempty"`
	Continues  bool    `json:"continues,omitempty"`
	Unended    bool    `json:"unended,omitempty"`

	Command   string  `json:"command,omitempty"`
	Actor     Actor   `json:"actor,omitzero"`
	Result    *Result `json:"result,omitempty"`
	Error     string  `json:"error,omitempty"`
	TimeoutMS int64   `json:"timeout_ms,omitempty"`
	OldStatus Status  `json:"old_status,omitempty"`
	NewStatus Status  `json:"new_status,omitempty"`

	Deadline time.Time `json:"deadline,omitzero"`
	*TerminalSize

	Stream string  `json:"stream,omitempty"`
	Bytes  int64   `json:"bytes,omitempty"`
	Missed *Missed `json:"missed,omitempty"`
	*Progress
}

// MarshalJSON writes the flat form. A line that is not UTF-8 has U+FFFD where it
// is not, and its bytes in line_base64.
func (e Event) MarshalJSON() ([]byte, error) {
	out := eventJSON{
		Kind: e.Kind, ExecutionID: e.ExecutionID, Time: e.Time.UTC(), Cursor: e.Cursor,
		Number: e.Number, Partial: e.Partial, Continues: e.Continues, Unended: e.Unended,
		Command: e.Command, Actor: e.Actor, Result: e.Result, Error: e.Error, TimeoutMS: milliseconds(e.Timeout),
		OldStatus: e.OldStatus, NewStatus: e.NewStatus, Progress: e.Progress,
	}
	switch e.Kind {
	case StdoutWritten, StderrWritten:
		line := string(e.Line)
		out.Line = &line
		if !utf8.Valid(e.Line) {
			out.LineBase64 = e.Line
		}
	case TerminalResized:
		out.TerminalSize = &e.Size
	case DeadlineExtended:
		out.Deadline = e.Deadline
	case OutputSkipped:
		out.Stream, out.Bytes = e.Gap.Stream.String(), e.Gap.Bytes
	case EventsMissed:
		out.Missed = &e.Missed
	default:
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes, and the original's events.
func (e *Event) UnmarshalJSON(data []byte) error {
	var in eventJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*e = Event{
		Kind: in.Kind, ExecutionID: in.ExecutionID, Time: in.Time, Cursor: in.Cursor,
		Number: in.Number, Partial: in.Partial, Continues: in.Continues, Unended: in.Unended,
		Command: in.Command, Actor: in.Actor, Result: in.Result, Error: in.Error, Timeout: time.Duration(in.TimeoutMS) * time.Millisecond,
		OldStatus: in.OldStatus, NewStatus: in.NewStatus, Progress: in.Progress,
		Gap: Gap{Bytes: in.Bytes}, Deadline: in.Deadline,
	}
	if in.TerminalSize != nil {
		e.Size = *in.TerminalSize
	}
	if in.Line != nil {
		e.Line = []byte(*in.Line)
	}
	if in.LineBase64 != nil {
		e.Line = in.LineBase64
	}
	if in.Stream == Stderr.String() {
		e.Gap.Stream = Stderr
	}
	if in.Missed != nil {
		e.Missed = *in.Missed
	}
	return nil
}

// Output is a piece of what an execution wrote, in the bytes it wrote, or a gap.
type Output struct {
	Stream Stream
	// Data must not be changed, and is what it says until the loop goes on: keep a
	// copy. It is nil for a gap.
	Data []byte
	// Skipped is how many bytes are no longer there; 0 unless this is a gap.
	Skipped int64
	Time    time.Time
	// Cursor is where a reader goes on that has seen this piece.
	Cursor Cursor
}

// EventHandler hears of all that happens to all executions of an engine.
type EventHandler interface {
	// HandleEvents is given events in order: those of one execution in the order
	// of their cursors, those of several as they came about. It is called from
	// one goroutine, never twice at once; the slice is the handler's only during
	// the call. A handler may be slow, fail or panic: no execution waits for it. What
	// it misses because of it, it is told in an EventsMissed event. It may call any
	// method of the engine but Shutdown.
	HandleEvents(events []Event)
}

// EventHandlerFunc is a function as an [EventHandler].
type EventHandlerFunc func(events []Event)

// HandleEvents calls f.
func (f EventHandlerFunc) HandleEvents(events []Event) { f(events) }
