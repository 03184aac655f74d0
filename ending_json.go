package engine

import (
	"encoding/json"
	"syscall"
	"time"
)

// endingJSON is an Ending in a file or on a socket. A field that is not there is zero.
type endingJSON struct {
	Cause       Cause          `json:"cause"`
	ExitCode    int            `json:"exit_code"`
	Signal      syscall.Signal `json:"signal,omitempty"`
	Error       string         `json:"error,omitempty"`
	CancelledBy Actor          `json:"cancelled_by,omitzero"`

	Started time.Time `json:"started_at,omitzero"`
	Ended   time.Time `json:"ended_at,omitzero"`

	Forced           bool       `json:"forced,omitempty"`
	OutputIncomplete bool       `json:"output_incomplete,omitempty"`
	Swept            int        `json:"swept,omitempty"`
	Survivors        []Survivor `json:"survivors,omitempty"`
	Containment      string     `json:"containment,omitempty"`
	LimitsHit        []string   `json:"limits_hit,omitempty"`
	Masks            int64      `json:"masks,omitempty"`
	StdoutSHA256     string     `json:"stdout_sha256,omitempty"`
	StderrSHA256     string     `json:"stderr_sha256,omitempty"`
	Unenforced       []string   `json:"unenforced,omitempty"`
	LogPath          string     `json:"log_path,omitempty"`
	LogError         string     `json:"log_error,omitempty"`

	UserUS      int64 `json:"user_us,omitempty"`
	SystemUS    int64 `json:"system_us,omitempty"`
	PeakBytes   int64 `json:"peak_memory_bytes,omitempty"`
	Voluntary   int64 `json:"voluntary_switches,omitempty"`
	Involuntary int64 `json:"involuntary_switches,omitempty"`
	ReadBlocks  int64 `json:"read_blocks,omitempty"`
	WriteBlocks int64 `json:"write_blocks,omitempty"`
}

// MarshalJSON writes all of it. Times are in UTC, those of the processor in
// microseconds, as the system counts them.
func (e Ending) MarshalJSON() ([]byte, error) {
	u := &e.Usage
	return json.Marshal(endingJSON{
		Cause: e.Cause, ExitCode: e.ExitCode, Signal: e.Signal, Error: e.Error, CancelledBy: e.CancelledBy,
		Started: e.Started.UTC(), Ended: e.Ended.UTC(),
		Forced: e.Forced, OutputIncomplete: e.OutputIncomplete, Swept: e.Swept, Survivors: e.Survivors,
		Containment: e.Containment, LimitsHit: e.LimitsHit, Masks: e.Masks,
		StdoutSHA256: e.SHA256[Stdout], StderrSHA256: e.SHA256[Stderr],
		Unenforced: e.Unenforced, LogPath: e.LogPath, LogError: e.LogError,
		UserUS: u.UserTime.Microseconds(), SystemUS: u.SystemTime.Microseconds(), PeakBytes: u.PeakBytes,
		Voluntary: u.Voluntary, Involuntary: u.Involuntary, ReadBlocks: u.ReadBlocks, WriteBlocks: u.WriteBlocks,
	})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (e *Ending) UnmarshalJSON(data []byte) error {
	var j endingJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*e = Ending{
		Cause: j.Cause, ExitCode: j.ExitCode, Signal: j.Signal, Error: j.Error, CancelledBy: j.CancelledBy,
		Started: j.Started, Ended: j.Ended,
		Forced: j.Forced, OutputIncomplete: j.OutputIncomplete, Swept: j.Swept, Survivors: j.Survivors,
		Containment: j.Containment, LimitsHit: j.LimitsHit, Masks: j.Masks,
		SHA256:     [2]string{Stdout: j.StdoutSHA256, Stderr: j.StderrSHA256},
		Unenforced: j.Unenforced, LogPath: j.LogPath, LogError: j.LogError,
		Usage: Usage{
			UserTime: time.Duration(j.UserUS) * time.Microsecond, SystemTime: time.Duration(j.SystemUS) * time.Microsecond,
			PeakBytes: j.PeakBytes, Voluntary: j.Voluntary, Involuntary: j.Involuntary,
			ReadBlocks: j.ReadBlocks, WriteBlocks: j.WriteBlocks,
		},
	}
	return nil
}
