package engine

import (
	"slices"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// Stop asks every command to end that runs, and starts no other.
func (p *planRun) Stop(cause Cause, by Actor) bool { return p.stop(cause, by, false) }

// Kill ends every command that runs, and starts no other.
func (p *planRun) Kill(cause Cause, by Actor) bool { return p.stop(cause, by, true) }

func (p *planRun) stop(cause Cause, by Actor, force bool) bool {
	p.mu.Lock()
	first := p.ask.cause == ""
	if first {
		p.ask = asked{Cancellation: Cancellation{Actor: by}, cause: cause}
		noteStop(p.x.journal, ExecutionStopping)
	}
	if force && !p.ask.Force {
		p.ask.Force = true
		noteStop(p.x.journal, ExecutionKilling)
	}
	p.asks++
	p.mu.Unlock()
	p.tell()
	return first
}

// Stdin is none.
func (p *planRun) Stdin() Stdin { return nil }

// Resize returns an ErrNoTerminal.
func (p *planRun) Resize(TerminalSize) error { return fault(ErrNoTerminal, "a plan has none") }

// Extend has its timeout come later.
func (p *planRun) Extend(timeout time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.deadline != nil && p.ask.cause == "" && !p.closed &&
		p.deadline.Reset(time.Until(p.started.Add(timeout)))
}

// status is how far the plan is.
func (p *planRun) status(s Status, started time.Time) PlanResult {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := PlanResult{PlanID: p.x.id, Status: s, Results: append([]PlanCommandResult{}, p.commands...), EstimateMS: p.estimateMS}
	if !started.IsZero() {
		r.TotalDuration = time.Since(started)
	}
	r.Stats = statsOf(r.Results)
	return r
}

// never is the result of a plan that ended before it started.
func (p *planRun) never(c Cause) *PlanResult {
	r := p.status(c.status(false), time.Time{})
	for i := range r.Results {
		if r.Results[i].State == PlanState(Pending) {
			r.Results[i].State = PlanSkipped
		}
	}
	r.Stats = statsOf(r.Results)
	return &r
}

// What a note of a command has in its detail, from the lowest bit on: how many commands
// are over, which one it is about, which attempt, and what became of it.
const (
	countBits   = 17 // 1<<17 is above MaxPlanCommands
	attemptBits = 7  // and this above mostAttempts
)

// noteStates are what a command can become, by their numbers in a note.
func noteStates() []PlanState {
	return append(outcomes(), PlanState(Running), PlanRetrying)
}

// noteLocked notes what became of a command.
func (p *planRun) noteLocked(i int) {
	c := &p.commands[i]
	p.x.journal.NoteDetail(noteProgress, progressDetail(p.over, c))
}

func progressDetail(over int, c *PlanCommandResult) uint64 {
	var state int
	for n, s := range noteStates() {
		if s == c.State {
			state = n
		}
	}
	detail := uint64(state)<<attemptBits | uint64(c.Attempts)
	return detail<<countBits<<countBits | uint64(c.Index)<<countBits | uint64(over)
}

// planRecord is the record of a plan that ended in an engine before: what became of its
// commands, in the order in which they began and ended, at the times of now.
func (e *Engine) planRecord(r *PlanResult) *Journal {
	type step struct {
		at   time.Time
		over bool
		of   PlanCommandResult
	}
	var steps []step
	for _, c := range r.Results {
		if c.Attempts > 0 {
			began := c
			began.State = PlanState(Running)
			steps = append(steps, step{at: c.StartedAt, of: began})
		}
		steps = append(steps, step{at: c.CompletedAt, over: true, of: c})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	j := journal.New(&e.bounds)
	j.Note(noteAccepted, width(noteAccepted))
	j.Note(noteStarted, width(noteStarted))
	over := 0
	for i := range steps {
		if steps[i].over {
			over++
		}
		j.NoteDetail(noteProgress, progressDetail(over, &steps[i].of))
	}
	j.Close(noteEnded, width(noteEnded))
	return j
}

// progressOf is the event of a note; commands are those of the plan. Of a command that runs
// nothing is read but what was there before the note.
func progressOf(planID ID, detail uint64, commands []PlanCommandResult, estimateMS int64) *Progress {
	const low = 1<<countBits - 1
	p := &Progress{PlanID: planID, Completed: int(detail & low), Total: len(commands), PlanEstimateMS: estimateMS}
	i := int(detail >> countBits & low)
	detail >>= countBits + countBits
	if i >= len(commands) {
		return p // another has written it
	}
	p.CurrentCommand, p.Index, p.EstimateMS = commands[i].Name, i, commands[i].EstimateMS
	if p.Attempt = int(detail & (1<<attemptBits - 1)); p.Attempt > 0 {
		p.CommandID = commandID(planID, p.CurrentCommand, p.Attempt)
	}
	if states := noteStates(); int(detail>>attemptBits) < len(states) {
		p.State = states[detail>>attemptBits]
	}
	if p.State.Over() && !commands[i].StartedAt.IsZero() {
		p.ElapsedMS = max(milliseconds(commands[i].CompletedAt.Sub(commands[i].StartedAt)), 0)
	}
	return p
}
