package plan

import "slices"

// Outcome is how a node ended.
type Outcome uint8

// The outcomes.
const (
	None      Outcome = iota // not over
	Completed                // ended well
	Failed
	TimedOut
	Cancelled
	Rejected
	Lost    // nobody knows whether it ran to its end
	Skipped // never started: what it needs did not end well, or the plan was stopped
	Passed  // never started: its conditions did not hold
)

// Outcomes are several.
type Outcomes uint16

// Of makes a set.
func Of(outcomes ...Outcome) (set Outcomes) {
	for _, o := range outcomes {
		set |= 1 << o
	}
	return set
}

// Has reports whether o is among them.
func (s Outcomes) Has(o Outcome) bool { return s&(1<<o) != 0 }

// isFailure reports whether a node ended so that others may not go on.
func (o Outcome) isFailure() bool {
	return Of(Failed, TimedOut, Cancelled, Rejected, Lost).Has(o)
}

// Retry says which ends of an attempt are followed by another. The zero value: none.
type Retry struct {
	// Attempts is how many there may be, the first included.
	Attempts int
	// Codes are the exit codes that are worth another; Matching says that Ending.Match is,
	// too. Without both every failure is.
	Codes    []int
	Matching bool
	// Timeouts says that a timeout is worth another.
	Timeouts bool
}

// Ending is how one attempt ended.
type Ending struct {
	Outcome Outcome
	Code    int  // -1: none
	Match   bool // its output has what Retry.Matching is about
}

// allows reports whether there is another attempt after this many.
func (r *Retry) allows(attempts int, e Ending) bool {
	switch {
	case attempts >= r.Attempts:
		return false
	case e.Outcome == TimedOut:
		return r.Timeouts
	case e.Outcome != Failed:
		return false
	case len(r.Codes) == 0 && !r.Matching:
		return true
	}
	return slices.Contains(r.Codes, e.Code) || r.Matching && e.Match
}

// Halt says after how many failures a plan starts nothing more, but nodes whose When
// holds. The zero value: never.
type Halt struct {
	// Failures is how many are too many; 0: no number is.
	Failures int
	// Percent is how much of all nodes is too much, 1 to 100; 0: no part is.
	Percent int
	// Now has those that run cancelled, and nothing started at all.
	Now bool
}

// reached reports whether so many of so many are too many.
func (h *Halt) reached(failures, nodes int) bool {
	return h.Failures > 0 && failures >= h.Failures || h.Percent > 0 && failures*100 >= h.Percent*nodes
}
