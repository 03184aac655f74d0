package engine

import (
	"encoding/json"
	"errors"
)

// planJSON is a Plan on the wire.
type planJSON struct {
	Type        CommandType   `json:"type"`
	ID          ID            `json:"id,omitzero"`
	Description string        `json:"description,omitempty"`
	Strategy    *PlanStrategy `json:"strategy,omitempty"`
	Commands    []PlanCommand `json:"commands"`
	Metadata    Metadata      `json:"metadata,omitzero"`
	Halt        *planHaltJSON `json:"halt,omitempty"`
	TimeoutMS   int64         `json:"timeout_ms,omitempty"`
	Lock        string        `json:"lock,omitempty"`
}

type planHaltJSON struct {
	Failures int    `json:"failures,omitempty"`
	Percent  int    `json:"percent,omitempty"`
	Mode     string `json:"mode,omitempty"`
}

// MarshalJSON writes the plan as [ParsePlan] reads it, secrets included.
func (p Plan) MarshalJSON() ([]byte, error) {
	j := planJSON{
		Type: CommandTypePlan, ID: p.ID, Description: p.Description, Commands: p.Commands, Metadata: p.Metadata,
		TimeoutMS: milliseconds(p.Timeout), Lock: p.Lock,
	}
	if p.Strategy.isSet() {
		j.Strategy = &p.Strategy
	}
	if h := p.Halt; h != (PlanHalt{}) {
		j.Halt = &planHaltJSON{Failures: h.Failures, Percent: h.Percent}
		if h.Now {
			j.Halt.Mode = "now"
		}
	}
	if j.Commands == nil {
		j.Commands = []PlanCommand{}
	}
	return marshalWhole(j)
}

// marshalWhole passes on what a command has to say itself about why it has no JSON.
func marshalWhole(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if c, ok := errors.AsType[*json.MarshalerError](err); ok {
		return nil, c.Unwrap()
	}
	return data, err
}

// UnmarshalJSON reads a plan. See [ParsePlan].
func (p *Plan) UnmarshalJSON(data []byte) (err error) {
	*p, err = ParsePlan(data)
	return err
}

func (s PlanStrategy) isSet() bool {
	return s.Type != "" || s.NoStopOnError || s.MaxConcurrency != 0 || len(s.Dependencies) > 0
}

// MarshalJSON writes the fields that its type has.
func (s PlanStrategy) MarshalJSON() ([]byte, error) {
	j := struct {
		Type           PlanStrategyType `json:"type,omitempty"`
		StopOnError    *bool            `json:"stop_on_error,omitempty"`
		MaxConcurrency int              `json:"max_concurrency,omitempty"`
		Dependencies   map[int][]int    `json:"dependencies,omitempty"`
	}{Type: s.Type, MaxConcurrency: s.MaxConcurrency, Dependencies: s.Dependencies}
	if stop := !s.NoStopOnError; s.Type == SerialPlan || !stop {
		j.StopOnError = &stop
	}
	return json.Marshal(j)
}

// MarshalJSON writes the fields of the request and those of the plan beside each other.
func (c PlanCommand) MarshalJSON() ([]byte, error) {
	own, err := json.Marshal(struct {
		Name            string          `json:"name,omitempty"`
		DependsOn       []string        `json:"depends_on,omitempty"`
		When            []PlanCondition `json:"when,omitempty"`
		ContinueOnError bool            `json:"continue_on_error,omitempty"`
		Retry           planRetryJSON   `json:"retry,omitzero"`
		Matrix          planMatrixJSON  `json:"matrix,omitzero"`
	}{c.Name, c.DependsOn, c.When, c.ContinueOnError, c.Retry.json(), planMatrixJSON(c.Matrix)})
	if err != nil {
		return nil, err
	}
	request, err := c.Request.MarshalJSON()
	if err != nil || len(own) == len("{}") {
		return request, err
	}
	own[len(own)-1] = ','
	return append(own, request[1:]...), nil
}

type planRetryJSON struct {
	Attempts     int      `json:"attempts,omitempty"`
	BackoffMS    int64    `json:"backoff_ms,omitempty"`
	MaxBackoffMS int64    `json:"max_backoff_ms,omitempty"`
	ExitCodes    []int    `json:"exit_codes,omitempty"`
	Stderr       []string `json:"stderr,omitempty"`
	Timeouts     bool     `json:"timeouts,omitempty"`
}

// IsZero reports whether there is nothing to write.
func (j planRetryJSON) IsZero() bool {
	return j.Attempts == 0 && j.BackoffMS == 0 && j.MaxBackoffMS == 0 && len(j.ExitCodes)+len(j.Stderr) == 0 && !j.Timeouts
}

func (y *PlanRetry) isZero() bool { return y.json().IsZero() }

func (y *PlanRetry) json() planRetryJSON {
	return planRetryJSON{y.Attempts, milliseconds(y.Backoff), milliseconds(y.MaxBackoff), y.ExitCodes, y.Stderr, y.Timeouts}
}

type planMatrixJSON struct {
	Axes           map[string][]string `json:"axes,omitempty"`
	MaxConcurrency int                 `json:"max_concurrency,omitempty"`
}

// IsZero reports whether there is nothing to write.
func (j planMatrixJSON) IsZero() bool { return len(j.Axes) == 0 && j.MaxConcurrency == 0 }
