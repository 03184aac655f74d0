package engine

import (
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/plan"
)

// Plan is many commands as one: in what order, how many at once, and what follows from a
// failure. It is run by [Engine.ExecutePlan] as one execution, whose commands are
// executions of their own.
//
// It is a [Command] too, of the type "plan": Request{Command: plan} asks for the same,
// and whatever takes requests takes plans. ID, Metadata, Timeout and Lock are then those
// of the request, unless the request has its own.
//
// JSON: the original's id, description, strategy, commands and metadata, and ours. It is
// read strictly: see [ParsePlan].
type Plan struct {
	// ID is the name of the plan and the key of idempotency, as [Request.ID].
	ID          ID
	Description string
	// Strategy is how its commands follow each other.
	Strategy PlanStrategy
	// Commands are what it runs. At least one; at most MaxPlanCommands, every cell of a
	// matrix counted.
	Commands []PlanCommand
	Metadata Metadata

	// Halt says after how many failures nothing more is started. Defaults to the first for
	// a serial plan, unless NoStopOnError, else to never.
	Halt PlanHalt
	// Timeout is the longest that the whole may take, counted from its start. Zero: no
	// limit but those of its commands. Config.MaxTimeout does not bound it.
	Timeout time.Duration
	// Lock is held from its start to its end, see [Request.Lock].
	Lock string

	// misread is what its text has wrong. What was read besides is looked at, and never run.
	misread []PlanFault
	place   func(path string) (line, column int) // in that text
}

// MaxPlanCommands is how many commands a plan may have.
const MaxPlanCommands = 100_000

// PlanStrategy is how the commands of a plan follow each other.
type PlanStrategy struct {
	// Type says which fields mean something. Defaults to SerialPlan, or where a command
	// has DependsOn to GraphPlan.
	Type PlanStrategyType
	// NoStopOnError has a serial plan go on behind a failure. (stop_on_error in JSON,
	// true by default.)
	NoStopOnError bool
	// MaxConcurrency is how many may run at once, of a parallel plan and of a graph. Zero:
	// as many as the engine has slots.
	MaxConcurrency int
	// Dependencies are for each command of a graph, by its index in Plan.Commands, those
	// that must have ended well before: the same as PlanCommand.DependsOn.
	Dependencies map[int][]int
}

// PlanStrategyType is a kind of strategy.
type PlanStrategyType string

// The strategies, by the original's names.
const (
	SerialPlan   PlanStrategyType = "serial"           // one after the other
	ParallelPlan PlanStrategyType = "parallel"         // at once
	GraphPlan    PlanStrategyType = "dependency_graph" // each after those that it depends on
)

// PlanCommand is one command of a plan.
type PlanCommand struct {
	// Name is what others refer to it by, and what it is shown as: letters, digits and
	// ". _ -", and not digits alone. Unique in its plan. Defaults to its index behind
	// "command-".
	Name string
	// Request is what it runs. It has no ID, for that follows from the plan's, and no
	// StdinFrom and Tee. Its tags and those of the plan are put together; its source,
	// conversation and actor default to the plan's.
	Request Request
	// DependsOn are the commands of a graph that must have ended well before: by name, or
	// by index in digits.
	DependsOn []string
	// When are conditions on others, all of which must hold; else it is passed over. It
	// runs after those that it names, whatever becomes of them, also where the plan
	// starts nothing else any more. For graphs and, about what stands before it, serial
	// plans.
	When []PlanCondition
	// ContinueOnError has its failure be none for those that depend on it, for the plan
	// and for its halt.
	ContinueOnError bool
	// Retry says when it is run again. By default never.
	Retry PlanRetry
	// Matrix has it run once for each cell.
	Matrix PlanMatrix
}

// PlanCondition holds where a command ended in one of these ways.
type PlanCondition struct {
	// Command is a name or an index. Of a matrix it holds where it does of every cell.
	Command string `json:"command"`
	// Status is any of these: completed, failed, timeout, cancelled, rejected, skipped,
	// passed.
	// Empty: completed or failed, by ExitCodes.
	Status []PlanState `json:"status,omitempty"`
	// ExitCodes are any of these; empty: any.
	ExitCodes []int `json:"exit_codes,omitempty"`
}

// PlanRetry says which failures of a command are followed by another attempt, because its
// author knows that it may run twice. The zero value: none.
type PlanRetry struct {
	// Attempts is how often it may run, the first time included; at most 100.
	Attempts int
	// Backoff is the pause before the second attempt; each one after is twice as long.
	// Defaults to one second.
	Backoff time.Duration
	// MaxBackoff is the longest pause. Defaults to one minute.
	MaxBackoff time.Duration
	// ExitCodes are those that are worth another attempt, and Stderr regular expressions
	// (RE2) of which one finds something in what is kept of its stderr. Without both
	// every failure is.
	ExitCodes []int
	Stderr    []string
	// Timeouts has a timeout be worth one as well.
	Timeouts bool
}

// PlanMatrix runs a command once for each combination of values. ${matrix.NAME} in any
// text of its request becomes the value of the cell: in a shell command too, where it is
// not quoted.
type PlanMatrix struct {
	// Axes are values by names. Cells are numbered with the axes sorted by their names,
	// the last turning fastest.
	Axes map[string][]string
	// MaxConcurrency is how many cells may run at once. Zero: no bound of its own.
	MaxConcurrency int
}

// PlanHalt says when a plan starts nothing more, but commands whose When holds. Failures
// of commands with ContinueOnError do not count. The zero value: see [Plan.Halt].
type PlanHalt struct {
	// Failures is how many are too many; Percent how much of all commands is, 1 to 100.
	Failures int
	Percent  int
	// Now has those that run cancelled, and nothing started at all.
	Now bool
}

// PlanState is where a command of a plan is: a [Status], or one that only plans have.
type PlanState string

// The states of a command of a plan besides the statuses of its execution.
const (
	// PlanSkipped: it was never started, because what it depends on did not end well, or
	// the plan was stopped.
	PlanSkipped PlanState = "skipped"
	// PlanPassed: it was never started, because its conditions did not hold.
	PlanPassed PlanState = "passed"
	// PlanRetrying: an attempt failed, and another follows after a pause.
	PlanRetrying PlanState = "retrying"
)

// outcomes are the states of a command that is over, by internal/plan.Outcome.
func outcomes() []PlanState {
	return []PlanState{
		plan.None:      "",
		plan.Completed: PlanState(Completed),
		plan.Failed:    PlanState(Failed),
		plan.TimedOut:  PlanState(TimedOut),
		plan.Cancelled: PlanState(Cancelled),
		plan.Rejected:  PlanState(Rejected),
		plan.Lost:      PlanState(Lost),
		plan.Skipped:   PlanSkipped,
		plan.Passed:    PlanPassed,
	}
}
