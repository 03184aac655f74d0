package history

import (
	"encoding/json"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// ending is a result as it is kept: without the output and what has columns, with
// nothing that is zero, and times to the nanosecond. A record is half as large by it.
type ending struct {
	Success     bool              `json:"success,omitempty"`
	Cause       engine.Cause      `json:"cause,omitempty"`
	Signal      string            `json:"signal,omitempty"`
	Error       string            `json:"error,omitempty"`
	Output      *engine.Counts    `json:"output,omitempty"`
	Accepted    int64             `json:"accepted,omitempty"`
	Duration    time.Duration     `json:"duration,omitempty"`
	Queued      time.Duration     `json:"queued,omitempty"`
	CancelledBy engine.Actor      `json:"cancelled_by,omitzero"`
	Forced      bool              `json:"forced,omitempty"`
	Incomplete  bool              `json:"output_incomplete,omitempty"`
	Swept       int               `json:"swept,omitempty"`
	Survivors   []engine.Survivor `json:"survivors,omitempty"`
	Containment string            `json:"containment,omitempty"`
	LimitsHit   []string          `json:"limits_hit,omitempty"`
	Unenforced  []string          `json:"unenforced,omitempty"`
	LogPath     string            `json:"log_path,omitempty"`
	LogError    string            `json:"log_error,omitempty"`
	User        time.Duration     `json:"user,omitempty"`
	System      time.Duration     `json:"system,omitempty"`
	PeakBytes   int64             `json:"peak_bytes,omitempty"`
	Voluntary   int64             `json:"voluntary,omitempty"`
	Involuntary int64             `json:"involuntary,omitempty"`
	ReadBlocks  int64             `json:"read_blocks,omitempty"`
	WriteBlocks int64             `json:"write_blocks,omitempty"`

	Plan *engine.PlanResult `json:"plan,omitempty"`
}

// pack is a result as it is kept.
func pack(r *engine.Result) ([]byte, error) {
	e := ending{
		Success: r.Success, Cause: r.Cause, Signal: r.Signal, Error: r.Error, Duration: r.Duration, Queued: r.Queued,
		CancelledBy: r.CancelledBy, Forced: r.Forced, Incomplete: r.OutputIncomplete, Swept: r.Swept, Survivors: r.Survivors,
		Containment: r.Containment, LimitsHit: r.LimitsHit, Unenforced: r.Unenforced, LogPath: r.LogPath, LogError: r.LogError,
		User: r.Usage.UserTime, System: r.Usage.SystemTime, PeakBytes: r.Usage.PeakBytes,
		Voluntary: r.Usage.Voluntary, Involuntary: r.Usage.Involuntary,
		ReadBlocks: r.Usage.ReadBlocks, WriteBlocks: r.Usage.WriteBlocks, Plan: r.Plan,
	}
	if r.Output != (engine.Counts{}) {
		e.Output = &r.Output
	}
	if !r.AcceptedAt.IsZero() {
		e.Accepted = r.AcceptedAt.UnixNano()
	}
	return json.Marshal(&e)
}

// unpack is the result of an execution.
func unpack(data []byte, x *engine.Execution) (*engine.Result, error) {
	var e ending
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, err
	}
	r := &engine.Result{
		ID: x.ID, Status: x.Status, ExitCode: x.ExitCode, StartedAt: x.StartedAt, CompletedAt: x.CompletedAt, Cursor: x.Cursor,
		Success: e.Success, Cause: e.Cause, Signal: e.Signal, Error: e.Error, Duration: e.Duration, Queued: e.Queued,
		CancelledBy: e.CancelledBy, Forced: e.Forced, OutputIncomplete: e.Incomplete, Swept: e.Swept, Survivors: e.Survivors,
		Containment: e.Containment, LimitsHit: e.LimitsHit, Unenforced: e.Unenforced, LogPath: e.LogPath, LogError: e.LogError,
		Usage: engine.Usage{
			UserTime: e.User, SystemTime: e.System, PeakBytes: e.PeakBytes, Voluntary: e.Voluntary, Involuntary: e.Involuntary,
			ReadBlocks: e.ReadBlocks, WriteBlocks: e.WriteBlocks,
		},
		Plan: e.Plan,
	}
	if e.Output != nil {
		r.Output = *e.Output
	}
	if e.Accepted != 0 {
		r.AcceptedAt = time.Unix(0, e.Accepted).UTC()
	}
	return r, nil
}
