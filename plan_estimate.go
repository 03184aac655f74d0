package engine

import (
	"context"
	"slices"
	"time"
)

// Of how many runs an estimate is made, and how many executions are looked at for each
// command of a plan.
const (
	pastRuns       = 5
	pastExecutions = 20
)

// past is how long commands took that completed before, by what they are shown as, the last
// first.
type past map[string][]time.Duration

// pastOf asks for the last executions that completed: of plans alone, or of all. Without an
// answer there are no estimates.
func (e *Engine) pastOf(ctx context.Context, f Filter) past {
	f.Status = []Status{Completed}
	page, err := e.List(ctx, f)
	if err != nil {
		return nil
	}
	p := make(past)
	for i := range page.Executions {
		x := &page.Executions[i]
		if runs := p[x.Command]; len(runs) < pastRuns && x.Status == Completed {
			p[x.Command] = append(runs, x.Duration)
		}
	}
	return p
}

// estimate is the median of what a command took before, in milliseconds; 0 where it has not
// completed before.
func (p past) estimate(command string) int64 {
	runs := slices.Clone(p[command])
	if len(runs) == 0 {
		return 0
	}
	slices.Sort(runs)
	return max(milliseconds(runs[len(runs)/2]), 1)
}

// estimate finds what the commands of a plan and the plan itself took before. Nothing of it
// was told yet.
func (p *planRun) estimate(ctx context.Context) {
	of, _ := p.request.Command.(Plan)
	line, whole := p.x.shown.Load().line, int64(0)
	if of.Description != "" { // else it is shown as many others are
		whole = p.engine.pastOf(ctx, Filter{Type: []CommandType{CommandTypePlan}, Text: line, Limit: pastRuns}).estimate(line)
	}
	past := p.engine.pastOf(ctx, Filter{Limit: min(max(pastExecutions*len(p.commands), defaultPage), maxPage)})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.estimateMS = whole
	if len(past) == 0 {
		return
	}
	for i := range p.commands {
		p.commands[i].EstimateMS = past.estimate(p.x.secrets.String(p.of.commands[i].request.Command.String()))
	}
}
