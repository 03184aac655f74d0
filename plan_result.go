package engine

import (
	"encoding/json"
	"time"
)

// PlanResult is how a plan ended, or how far it is, and each of its commands.
//
// JSON: the original's plan_id, status, results, total_duration and stats, and ours.
type PlanResult struct {
	PlanID ID     `json:"plan_id"`
	Status Status `json:"status"`
	// Results are those of its commands, by index, every matrix spelled out. What they
	// wrote is with their executions.
	Results []PlanCommandResult `json:"results"`
	Stats   PlanStats           `json:"stats"`
	// EstimateMS is what a plan of the same description took before, as a rule, in
	// milliseconds: the median of the last five that completed. 0: there was none.
	EstimateMS int64 `json:"estimate_ms,omitempty"`
	// TotalDuration is that of the whole, so far; "total_duration" and
	// "total_duration_ms" in JSON.
	TotalDuration time.Duration `json:"-"`
}

// PlanCommandResult is how a command of a plan ended, or how far it is.
type PlanCommandResult struct {
	// Index is its number among all that run, and OfPlan its index in Plan.Commands; -1
	// where that is not known.
	Index  int    `json:"index"`
	OfPlan int    `json:"of_plan"`
	Name   string `json:"name"`
	// ID is the execution of its last attempt; zero where there was none.
	ID ID `json:"id,omitzero"`
	// State is that of the execution, or skipped, passed, retrying.
	State   PlanState `json:"status"`
	Success bool      `json:"success"`
	// ExitCode is -1 where there is none.
	ExitCode int `json:"exit_code"`
	// Error says in words why it is not a success.
	Error string `json:"error,omitempty"`
	// Attempts is how often it was started.
	Attempts    int       `json:"attempts,omitempty"`
	StartedAt   time.Time `json:"started_at,omitzero"`
	CompletedAt time.Time `json:"completed_at,omitzero"`
	// EstimateMS is what the same command took before, in milliseconds, as
	// [PlanResult.EstimateMS] is made.
	EstimateMS int64 `json:"estimate_ms,omitempty"`
}

// PlanStats count the commands of a plan by how they ended. The first five are the
// original's.
type PlanStats struct {
	Total     int `json:"total"`
	Completed int `json:"completed"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
	TimedOut  int `json:"timeout"`

	Rejected int `json:"rejected"`
	Lost     int `json:"lost"`
	Skipped  int `json:"skipped"`
	Passed   int `json:"passed"`
	// Running are started and not over, retries included; Pending not started.
	Running int `json:"running"`
	Pending int `json:"pending"`
	// Attempts is how many executions there were.
	Attempts int `json:"attempts"`
}

// statsOf counts results.
func statsOf(results []PlanCommandResult) PlanStats {
	s := PlanStats{Total: len(results)}
	for i := range results {
		s.Attempts += results[i].Attempts
		*s.of(results[i].State)++
	}
	return s
}

// of is the count of a state.
func (s *PlanStats) of(state PlanState) *int {
	switch state {
	case PlanState(Completed):
		return &s.Completed
	case PlanState(Failed):
		return &s.Failed
	case PlanState(Cancelled):
		return &s.Cancelled
	case PlanState(TimedOut):
		return &s.TimedOut
	case PlanState(Rejected):
		return &s.Rejected
	case PlanState(Lost):
		return &s.Lost
	case PlanSkipped:
		return &s.Skipped
	case PlanPassed:
		return &s.Passed
	case PlanState(Running), PlanRetrying:
		return &s.Running
	default:
		return &s.Pending
	}
}

// MarshalJSON adds the duration.
func (r PlanResult) MarshalJSON() ([]byte, error) {
	type plain PlanResult
	return json.Marshal(struct {
		plain
		TotalDuration   string `json:"total_duration"`
		TotalDurationMS int64  `json:"total_duration_ms"`
	}{plain(r), r.TotalDuration.String(), milliseconds(r.TotalDuration)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *PlanResult) UnmarshalJSON(data []byte) error {
	type plain PlanResult
	aux := struct {
		*plain
		TotalDuration   string `json:"total_duration"`
		TotalDurationMS int64  `json:"total_duration_ms"`
	}{plain: (*plain)(r)}
	if err := json.Unmarshal(data, &aux); err != nil {
		return err
	}
	exact, err := time.ParseDuration(aux.TotalDuration)
	if err != nil { // another has written it
		exact = time.Duration(aux.TotalDurationMS) * time.Millisecond
	}
	r.TotalDuration = exact
	return nil
}

// Over reports whether a command in this state is over.
func (s PlanState) Over() bool {
	return s == PlanSkipped || s == PlanPassed || Status(s).Terminal()
}
