package engine

import (
	"context"
	"slices"
)

// ExecutePlan accepts a plan and returns the id of its execution at once: all of it is
// checked, and nothing is kept of one with a fault. It is an execution like any other,
// with a status, an ending, events and a place in the lists; it takes no slot, and its
// commands are executions of their own that wait for slots beside all others, tagged
// with its id as [PlanTag]. Errors: those of Execute; of a plan with faults a
// [PlanError].
func (e *Engine) ExecutePlan(ctx context.Context, p Plan) (ID, error) {
	return e.Execute(ctx, p.Request())
}

// CheckPlan is a dry run of a plan on this engine's machine: what it would run, in an order in
// which it could, or a [PlanError] with all that Execute would refuse it for, programs that
// are not there included. Nothing is kept. Also of a plan that [ParsePlan] could not read
// whole it finds what its commands lack here. Errors: those of Execute, ErrInvalid where the
// request is of no plan.
func (e *Engine) CheckPlan(ctx context.Context, r Request) ([]PlanStep, error) {
	r = lifted(r)
	p, err := planIn(&r)
	if err != nil {
		return nil, err
	}
	x, err := e.preparePlan(ctx, &r, true)
	if err == nil {
		err = e.allowed(ctx, x, false)
	}
	if err != nil {
		return nil, e.maskError(&r, err)
	}
	return p.Steps()
}

// CheckPlan is a dry run of a plan on any engine: one that knows nothing of its machine tells
// what [Plan.Steps] does. Errors: as of [Engine.CheckPlan].
func CheckPlan(ctx context.Context, e API, r Request) ([]PlanStep, error) {
	if there, ok := e.(planChecker); ok {
		return there.CheckPlan(ctx, r)
	}
	p, err := planIn(&r)
	if err != nil {
		return nil, err
	}
	return p.Steps()
}

// planIn is the plan that a request is to run.
func planIn(r *Request) (Plan, error) {
	p, ok := r.Command.(Plan)
	if !ok {
		return Plan{}, Advise(fault(ErrInvalid, "the command of the request is no plan"), "give it the type plan")
	}
	return p, nil
}

// planChecker is an engine that looks at its machine.
type planChecker interface {
	CheckPlan(ctx context.Context, r Request) ([]PlanStep, error)
}

// PlanStatus returns how far a plan is, or how it ended, and each of its commands. Errors:
// ErrNotFound, ErrExpired, ErrInvalid where it is no plan.
func (e *Engine) PlanStatus(ctx context.Context, id ID) (PlanResult, error) {
	x, f, err := e.lookup(ctx, id)
	switch {
	case err != nil:
		return PlanResult{}, err
	case f != nil:
		r := f.ending()
		return PlanOf(ctx, e, &r)
	case x.plan == nil:
		return PlanFrom(ctx, e, id) // another engine runs it, or it is none
	}
	e.mu.Lock()
	status, started := x.status, x.started
	e.mu.Unlock()
	return x.plan.status(status, started), nil
}

// PlanResult returns how a plan ended. Errors: ErrNotFinished, and as of PlanStatus.
func (e *Engine) PlanResult(ctx context.Context, id ID) (PlanResult, error) {
	r, err := e.Result(ctx, id)
	if err != nil {
		return PlanResult{}, err
	}
	return PlanOf(ctx, e, &r)
}

// WaitPlan waits until a plan ended and returns how. Errors: the context's, and as of
// PlanStatus.
func (e *Engine) WaitPlan(ctx context.Context, id ID) (PlanResult, error) {
	r, err := e.Wait(ctx, id)
	if err != nil {
		return PlanResult{}, err
	}
	return PlanOf(ctx, e, &r)
}

// CancelPlan asks a plan to end: it starts nothing more, what runs of it is cancelled, and
// it ends after that. Errors: as of Cancel.
func (e *Engine) CancelPlan(ctx context.Context, id ID, c Cancellation) error {
	return e.Cancel(ctx, id, c)
}

// PlanOf is how the plan ended of which a result of an engine is. Of one that was lost with its
// engine, and of which nobody wrote how it ended, it is what the executions of its commands
// tell, see [PlanFrom]. Errors: as of PlanStatus.
func PlanOf(ctx context.Context, e API, r *Result) (PlanResult, error) {
	if r.Plan != nil {
		return *r.Plan, nil
	}
	x, err := e.Get(ctx, r.ID)
	switch {
	case err != nil:
		return PlanResult{}, err
	case x.Type != string(CommandTypePlan):
		return PlanResult{}, fault(ErrInvalid, "execution %s is no plan", r.ID)
	}
	return planByTags(ctx, e, &x)
}

// PlanFrom is PlanStatus of any engine, such as one behind a wire, by the events of the
// plan: of one that runs it has the commands of which there were events, in the order of
// their indexes, and counts the others as pending. Errors: as of PlanStatus, Watch.
func PlanFrom(ctx context.Context, e API, id ID) (PlanResult, error) {
	x, err := e.Get(ctx, id)
	switch {
	case err != nil:
		return PlanResult{}, err
	case x.Type != string(CommandTypePlan):
		return PlanResult{}, fault(ErrInvalid, "execution %s is no plan", id)
	case x.Status.Terminal():
		r, err := e.Result(ctx, id)
		if err != nil {
			return PlanResult{}, err
		}
		return PlanOf(ctx, e, &r)
	case x.Cursor == 0: // it runs in another process, which alone has its events
		return planByTags(ctx, e, &x)
	}
	p := PlanResult{PlanID: id, Status: x.Status, Results: []PlanCommandResult{}, TotalDuration: x.Duration}
	total, at := 0, map[int]int{}
	for ev, err := range e.Watch(ctx, id, 0) {
		if err != nil {
			return PlanResult{}, err
		}
		if ev.Progress != nil {
			total = ev.Progress.Total
			followPlan(&p, &ev, at)
		}
		if ev.Cursor >= x.Cursor {
			break
		}
	}
	p.Stats = statsOf(p.Results)
	p.Stats.Pending, p.Stats.Total = p.Stats.Pending+total-len(p.Results), total
	slices.SortFunc(p.Results, func(a, b PlanCommandResult) int { return a.Index - b.Index })
	return p, nil
}

// planByTags is what the executions of a plan tell of it: those that were not started yet
// are not known, nor is an order but that of their acceptance.
func planByTags(ctx context.Context, e API, x *Execution) (PlanResult, error) {
	p := PlanResult{PlanID: x.ID, Status: x.Status, Results: []PlanCommandResult{}, TotalDuration: x.Duration}
	at := map[string]int{}
	f := Filter{Tags: map[string]string{PlanTag: x.ID.String()}, Oldest: true, Limit: maxPage}
	for {
		page, err := e.List(ctx, f)
		if err != nil {
			return PlanResult{}, err
		}
		for i := range page.Executions {
			c := &page.Executions[i]
			name := c.Metadata.Tags[PlanCommandTag]
			n, again := at[name]
			if !again {
				n = len(p.Results)
				at[name] = n
				p.Results = append(p.Results, PlanCommandResult{Index: n, OfPlan: -1, Name: name})
			}
			r := &p.Results[n]
			r.ID, r.Attempts, r.State, r.Success = c.ID, r.Attempts+1, PlanState(c.Status), c.Status == Completed
			r.ExitCode, r.StartedAt, r.CompletedAt = c.ExitCode, c.StartedAt, c.CompletedAt
		}
		if f.After = page.Next; f.After == "" {
			p.Stats = statsOf(p.Results)
			return p, nil
		}
	}
}

// followPlan takes up what an event tells of a command; at is where they are, by index.
func followPlan(r *PlanResult, ev *Event, at map[int]int) {
	p := ev.Progress
	n, ok := at[p.Index]
	if !ok {
		n = len(r.Results)
		at[p.Index] = n
		r.Results = append(r.Results, PlanCommandResult{Index: p.Index, OfPlan: -1, Name: p.CurrentCommand, ExitCode: -1})
	}
	c := &r.Results[n]
	r.EstimateMS, c.EstimateMS = p.PlanEstimateMS, p.EstimateMS
	c.ID, c.Attempts, c.State, c.Success = p.CommandID, p.Attempt, p.State, p.State == PlanState(Completed)
	switch {
	case p.State == PlanState(Running) && c.StartedAt.IsZero():
		c.StartedAt = ev.Time
	case p.State.Over():
		c.CompletedAt = ev.Time
	}
}
