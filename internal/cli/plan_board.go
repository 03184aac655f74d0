package cli

import (
	"fmt"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// planView shows a plan while it runs. It is told every event of the plan and of its commands by
// one goroutine, and closed at the end, also of a plan that was not followed to its own.
type planView interface {
	event(e *engine.Event)
	close()
}

// planBoard is where the commands of a plan are, as its events tell.
type planBoard struct {
	total, done int
	estimate    time.Duration // what the whole took before; 0: nobody knows
	rows        []*planRow    // those that run, in the order of their starts
	ended       map[engine.PlanState]int
}

// planRow is one command.
type planRow struct {
	id      engine.ID
	name    string
	state   engine.PlanState
	attempt int
	started time.Time
	took    time.Duration
	tail    string // the last line that it wrote
	exit    int    // -1: there is none

	estimate time.Duration // what it took before; 0: nobody knows
}

func newPlanBoard() *planBoard { return &planBoard{ended: map[engine.PlanState]int{}} }

// take takes up an event. It returns the command that it is about, nil for the plan itself or
// for one that does not run.
func (b *planBoard) take(e *engine.Event) *planRow {
	if e.Progress != nil {
		return b.step(e)
	}
	row := b.row(e.ExecutionID)
	switch {
	case row == nil:
	case e.Kind == engine.StdoutWritten, e.Kind == engine.StderrWritten:
		row.tail = oneLine(string(e.Line))
	case e.Result != nil:
		row.took, row.exit = e.Result.Duration, e.Result.ExitCode
	}
	return row
}

// step takes up what became of a command.
func (b *planBoard) step(e *engine.Event) *planRow {
	p := e.Progress
	b.total, b.done, b.estimate = p.Total, p.Completed, milliseconds(p.PlanEstimateMS)
	row := b.row(p.CommandID)
	if row == nil {
		row = &planRow{id: p.CommandID, name: oneLine(p.CurrentCommand), attempt: p.Attempt, started: e.Time, exit: -1}
	}
	row.state, row.estimate = p.State, milliseconds(p.EstimateMS)
	if p.ElapsedMS > 0 && row.took == 0 { // its ending tells it exactly
		row.took = milliseconds(p.ElapsedMS)
	}
	switch {
	case p.State == engine.PlanState(engine.Running):
		b.rows = append(b.rows, row)
		return row
	case p.State.Over():
		b.ended[p.State]++
	}
	b.drop(row)
	return row
}

func (b *planBoard) row(id engine.ID) *planRow {
	for _, row := range b.rows {
		if row.id == id && id != (engine.ID{}) {
			return row
		}
	}
	return nil
}

func (b *planBoard) drop(gone *planRow) {
	for i, row := range b.rows {
		if row == gone {
			b.rows = append(b.rows[:i], b.rows[i+1:]...)
			return
		}
	}
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// before is what something took before, behind what it takes.
func before(estimate time.Duration) string {
	if estimate <= 0 {
		return ""
	}
	return " of ~" + brief(estimate)
}

// outcome is how a command ended, in words.
func (r *planRow) outcome() string {
	text := string(r.state)
	if r.state == engine.PlanRetrying {
		text = fmt.Sprintf("failed at attempt %d, is run again", r.attempt)
	}
	if r.exit > 0 {
		text += fmt.Sprintf(", exit code %d", r.exit)
	}
	switch {
	case r.took > 0:
		text += " after " + brief(r.took)
	case r.state == engine.PlanState(engine.Running) && r.estimate > 0:
		text += ", it took " + brief(r.estimate) + " before"
	}
	return text
}

// failed reports whether a command ended in a way that needs to be looked at.
func failed(s engine.PlanState) bool {
	return s.Over() && s != engine.PlanState(engine.Completed) && s != engine.PlanPassed && s != engine.PlanSkipped
}
