package engine

import (
	"encoding/json"
	"time"
)

// Cursor is a position in the record of an execution: the number of bytes and
// events before it. It means the same for ever, and 0 is the start.
type Cursor int64

// Execution is what is known of one without its output.
//
// JSON: the original's summary (id, status, started_at, duration) and ours.
type Execution struct {
	ID       ID       `json:"id"`
	Status   Status   `json:"status"`
	Type     string   `json:"command_type"` // the command's type, such as "shell"
	Command  string   `json:"command"`      // what runs, quoted, secrets masked
	Actor    Actor    `json:"actor,omitzero"`
	Metadata Metadata `json:"metadata,omitzero"`

	AcceptedAt  time.Time     `json:"accepted_at"`
	StartedAt   time.Time     `json:"started_at,omitzero"`
	CompletedAt time.Time     `json:"completed_at,omitzero"`
	Duration    time.Duration `json:"-"` // of the run, so far; "duration_ms" in JSON
	// Deadline is when its timeout ends it; zero while it does not run, and where it
	// has none. Extend moves it.
	Deadline time.Time `json:"deadline,omitzero"`

	// QueuePosition is how many wait before it, itself included; 0 where it does
	// not wait.
	QueuePosition int `json:"queue_position,omitempty"`
	// Lock is its [Request.Lock] while it waits for it, LockedBy who has it.
	Lock     string `json:"lock,omitempty"`
	LockedBy ID     `json:"locked_by,omitzero"`
	// ExitCode is -1 where there is none.
	ExitCode int `json:"exit_code"`
	// Cursor is the end of its record so far.
	Cursor Cursor `json:"cursor"`
}

// Result is how an execution ended, and what it wrote.
//
// JSON: the original's id, status, success, exit_code, stdout, stderr, duration,
// started_at, completed_at and error, and ours. Text that is not UTF-8 has U+FFFD
// where it is not.
type Result struct {
	ID      ID     `json:"id"`
	Status  Status `json:"status"`
	Success bool   `json:"success"`
	Cause   Cause  `json:"cause"`
	// ExitCode is -1 where there is none: a signal ended it, or it never ran.
	ExitCode int `json:"exit_code"`
	// Signal is the name of the signal that ended it, such as "SEGV".
	Signal string `json:"signal,omitempty"`
	// Error says in words why it is not a success; empty if it is.
	Error string `json:"error,omitempty"`

	// Stdout and Stderr are what is kept of the output. Where a limit left
	// something out, a line between the head and the tail says how much.
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
	Output Counts `json:"output"`

	AcceptedAt  time.Time     `json:"accepted_at"`
	StartedAt   time.Time     `json:"started_at,omitzero"` // zero: it never ran
	CompletedAt time.Time     `json:"completed_at"`
	Duration    time.Duration `json:"-"` // of the run; "duration" and "duration_ms" in JSON
	Queued      time.Duration `json:"-"` // between acceptance and start; "queued_ms"

	// CancelledBy is who cancelled it.
	CancelledBy Actor `json:"cancelled_by,omitzero"`
	// Forced says that KILL was needed to end it.
	Forced bool `json:"forced,omitempty"`
	// OutputIncomplete says that another process held its output open when it had
	// exited, and may have written more.
	OutputIncomplete bool `json:"output_incomplete,omitempty"`
	// Swept is how many processes of its tree outlived it and were ended.
	Swept int `json:"swept,omitempty"`
	// Survivors are processes of its tree that outlived it and live on: they could
	// not be ended, or Request.Leftovers has them live.
	Survivors []Survivor `json:"survivors,omitempty"`
	// Containment says how its tree was held together: a [Containment], or what
	// another Runner calls its way.
	Containment string `json:"containment,omitempty"`
	// LimitsHit are the limits of the system that stood in its way, by their names in
	// JSON: memory_bytes, processes. It may have succeeded in spite of them.
	LimitsHit []string `json:"limits_hit,omitempty"`
	// Unenforced are the limits that were asked for with best effort, and that this
	// machine could not enforce.
	Unenforced []string `json:"unenforced,omitempty"`
	// LogPath is the file that has a copy of the output, LogError why that copy
	// is not whole.
	LogPath  string `json:"log_path,omitempty"`
	LogError string `json:"log_error,omitempty"`

	// Plan is how the commands of a plan ended; nil for everything else.
	Plan *PlanResult `json:"plan,omitempty"`

	Usage Usage `json:"usage"`
	// Cursor is the end of its record.
	Cursor Cursor `json:"cursor"`
}

// Counts are what was recorded of both streams, and what was left out of it.
type Counts struct {
	StdoutBytes        int64 `json:"stdout_bytes"`
	StdoutLines        int64 `json:"stdout_lines"`
	StdoutOmittedBytes int64 `json:"stdout_omitted_bytes,omitempty"`
	StdoutOmittedLines int64 `json:"stdout_omitted_lines,omitempty"`
	StderrBytes        int64 `json:"stderr_bytes"`
	StderrLines        int64 `json:"stderr_lines"`
	StderrOmittedBytes int64 `json:"stderr_omitted_bytes,omitempty"`
	StderrOmittedLines int64 `json:"stderr_omitted_lines,omitempty"`
	// Truncated says that something was left out.
	Truncated bool `json:"truncated"`
	// Masks is how often something was masked.
	Masks int64 `json:"masks,omitempty"`
	// StdoutSHA256 and StderrSHA256 are of all that was recorded, in hexadecimal. They
	// are empty unless Request.Digest asked for them, where it never ran, and of a
	// stream whose tee never came back.
	StdoutSHA256 string `json:"stdout_sha256,omitempty"`
	StderrSHA256 string `json:"stderr_sha256,omitempty"`
}

// Usage is what the process, and the children that it waited for, have used;
// zero where the system does not tell. On Linux it does not tell a PeakBytes that is not
// above that of the program that started the process, which it counts as the process's own.
type Usage struct {
	UserTime    time.Duration `json:"-"` // "user_ms" in JSON
	SystemTime  time.Duration `json:"-"` // "system_ms"
	PeakBytes   int64         `json:"peak_memory_bytes"`
	Voluntary   int64         `json:"voluntary_switches"`
	Involuntary int64         `json:"involuntary_switches"`
	ReadBlocks  int64         `json:"read_blocks"`
	WriteBlocks int64         `json:"write_blocks"`
}

// Survivor is a process that outlived its execution.
type Survivor struct {
	Pid     int    `json:"pid"`
	Command string `json:"command"`
}

// milliseconds are a duration as JSON has it.
func milliseconds(d time.Duration) int64 { return d.Milliseconds() }

// MarshalJSON adds duration_ms.
func (x Execution) MarshalJSON() ([]byte, error) {
	type plain Execution
	return json.Marshal(struct {
		plain
		Duration   string `json:"duration"`
		DurationMS int64  `json:"duration_ms"`
	}{plain(x), x.Duration.String(), milliseconds(x.Duration)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (x *Execution) UnmarshalJSON(data []byte) error {
	type plain Execution
	aux := struct {
		*plain
		DurationMS int64 `json:"duration_ms"`
	}{plain: (*plain)(x)}
	err := json.Unmarshal(data, &aux)
	x.Duration = time.Duration(aux.DurationMS) * time.Millisecond
	return err
}

// MarshalJSON adds the durations: "duration" in the original's documented form
// ("2.5s"), and the _ms ones.
func (r Result) MarshalJSON() ([]byte, error) {
	type plain Result
	return json.Marshal(struct {
		plain
		Duration   string `json:"duration"`
		DurationMS int64  `json:"duration_ms"`
		QueuedMS   int64  `json:"queued_ms"`
	}{plain(r), r.Duration.String(), milliseconds(r.Duration), milliseconds(r.Queued)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Result) UnmarshalJSON(data []byte) error {
	type plain Result
	aux := struct {
		*plain
		DurationMS int64 `json:"duration_ms"`
		QueuedMS   int64 `json:"queued_ms"`
	}{plain: (*plain)(r)}
	err := json.Unmarshal(data, &aux)
	r.Duration = time.Duration(aux.DurationMS) * time.Millisecond
	r.Queued = time.Duration(aux.QueuedMS) * time.Millisecond
	return err
}

// MarshalJSON adds user_ms and system_ms.
func (u Usage) MarshalJSON() ([]byte, error) {
	type plain Usage
	return json.Marshal(struct {
		UserMS   int64 `json:"user_ms"`
		SystemMS int64 `json:"system_ms"`
		plain
	}{milliseconds(u.UserTime), milliseconds(u.SystemTime), plain(u)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (u *Usage) UnmarshalJSON(data []byte) error {
	type plain Usage
	aux := struct {
		*plain
		UserMS   int64 `json:"user_ms"`
		SystemMS int64 `json:"system_ms"`
	}{plain: (*plain)(u)}
	err := json.Unmarshal(data, &aux)
	u.UserTime = time.Duration(aux.UserMS) * time.Millisecond
	u.SystemTime = time.Duration(aux.SystemMS) * time.Millisecond
	return err
}
