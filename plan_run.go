package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/plan"
)

// planRun is a plan that runs: one goroutine asks the machine what may start, has it
// executed, and hears how it ended. It is the [Control] of the plan's execution.
type planRun struct {
	engine  *Engine
	x       *execution
	request *Request // of the plan
	of      *resolved
	machine *plan.Machine // of the goroutine alone
	wake    chan struct{}

	mu       sync.Mutex // below Engine.mu: nothing is called with it held
	commands []PlanCommandResult
	over     int
	ends     []planEnd
	// What it took before, 0: nobody knows. Before its start, then it stays.
	estimateMS int64
	resumes    []int
	again      []int // that could not be accepted
	ask        asked // cause is empty until somebody stops it
	asks       int   // how many were not heard yet
	started    time.Time
	deadline   *time.Timer
	closed     bool // no timer is to do anything any more
}

var _ Control = (*planRun)(nil)

// planEnd is the end of an attempt.
type planEnd struct {
	index int
	final *finished // nil where it never was an execution
	state Status
	err   error
}

// member says which attempt of a plan an execution is.
type member struct {
	run      *planRun
	index    int
	attempt  int
	attached bool // it was accepted just now: what becomes of it is told to run
}

// conduct runs the plan to its end, or until the engine leaves it to the next.
func (p *planRun) conduct(ctx context.Context) {
	e, x := p.engine, p.x
	if !e.mayStart(ctx, x) {
		return
	}
	p.estimate(ctx)
	e.began(x)
	e.steer(ctx, x, p)
	e.mu.Lock()
	cancel, started, timeout := x.cancel, x.started, x.timeout
	e.mu.Unlock()
	if cancel != nil {
		stop(p, cancel.Cancellation, cancel.cause)
	}
	p.arm(started, timeout)
	for ctx.Err() == nil {
		p.hear(ctx)
		p.tellSkipped()
		p.start(ctx)
		if p.machine.Done() {
			break
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
		}
	}
	p.disarm()
	if p.machine.Done() {
		e.finish(x, p.ending(started))
	}
}

// arm starts the clock of a plan that may not take for ever.
func (p *planRun) arm(started time.Time, timeout time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started = started
	if timeout < Forever {
		p.deadline = time.AfterFunc(time.Until(started.Add(timeout)), func() { p.Stop(CauseTimeout, Actor{}) })
	}
}

func (p *planRun) disarm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.deadline != nil {
		p.deadline.Stop()
	}
}

// tell has the goroutine look.
func (p *planRun) tell() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// hear takes what has happened.
func (p *planRun) hear(ctx context.Context) {
	p.mu.Lock()
	ends, resumes, again, asks, ask := p.ends, p.resumes, p.again, p.asks, p.ask
	p.ends, p.resumes, p.again, p.asks = nil, nil, nil, 0
	p.mu.Unlock()
	if asks > 0 {
		p.machine.Close()
		p.cancelRunning(ctx, ask.Cancellation)
	}
	for i := range ends {
		p.ended(ctx, &ends[i])
	}
	for _, i := range resumes {
		p.machine.Resume(i)
	}
	for _, i := range again {
		if p.machine.Closed() {
			p.ended(ctx, &planEnd{index: i, state: Cancelled})
		} else {
			p.submit(ctx, i)
		}
	}
}

// start has everything executed that may start.
func (p *planRun) start(ctx context.Context) {
	for ctx.Err() == nil {
		i, ok := p.machine.Start()
		if !ok {
			return
		}
		p.submit(ctx, i)
	}
}

// admitAgain is how soon a command is offered again that the engine could not take.
const admitAgain = 100 * time.Millisecond

// submit has an attempt executed, or finds the execution that it was before.
func (p *planRun) submit(ctx context.Context, i int) {
	m := &member{run: p, index: i, attempt: p.machine.Attempts(i)}
	r := p.asked(i, m.attempt)
	p.mu.Lock()
	p.commands[i].ID, p.commands[i].Attempts = r.ID, m.attempt
	p.mu.Unlock()
	id, err := p.engine.execute(ctx, r, m)
	switch {
	case err == nil && m.attached:
	case err == nil:
		p.engine.group.Go(func(ctx context.Context) { p.find(ctx, i, id) })
	case errors.Is(err, ErrClosed): // the next engine goes on with it
	case Retryable(err):
		p.later(admitAgain, &p.again, i)
	case errors.Is(err, ErrDenied):
		p.end(planEnd{index: i, state: Rejected, err: err})
	default:
		p.end(planEnd{index: i, state: Failed, err: err})
	}
}

// later puts an index into a list when a time has passed.
func (p *planRun) later(after time.Duration, list *[]int, i int) {
	time.AfterFunc(after, func() {
		p.mu.Lock()
		if !p.closed {
			*list = append(*list, i)
		}
		p.mu.Unlock()
		p.tell()
	})
}

// isRunning reports whether the process of an execution runs.
func (e *Engine) isRunning(x *execution) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return x.status == Running
}

// find waits for an execution that was there before.
func (p *planRun) find(ctx context.Context, i int, id ID) {
	x, f, err := p.engine.lookup(ctx, id)
	if err == nil && f == nil {
		if p.engine.isRunning(x) {
			p.began(i, p.attempt(i))
		}
		if err = waitFor(ctx, p.engine.over(x)); err == nil {
			f = x.final
		}
	}
	switch {
	case ctx.Err() != nil, err == nil && f == nil: // the engine leaves
	case err != nil:
		p.end(planEnd{index: i, state: Lost, err: fmt.Errorf("what became of it cannot be found out: %w", err)})
	default:
		p.end(planEnd{index: i, state: f.status, final: f})
	}
}

func (p *planRun) attempt(i int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.commands[i].Attempts
}

// began tells that an attempt runs. The engine's mu may be held.
func (p *planRun) began(i, attempt int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &p.commands[i]
	if c.State == PlanState(Running) && c.Attempts == attempt || c.State.Over() {
		return
	}
	c.State = PlanState(Running)
	if c.StartedAt.IsZero() {
		c.StartedAt = time.Now().UTC()
	}
	p.noteLocked(i)
}

// end tells how an attempt ended. The engine's mu may be held.
func (p *planRun) end(end planEnd) {
	p.mu.Lock()
	p.ends = append(p.ends, end)
	p.mu.Unlock()
	p.tell()
}

// ended takes the end of an attempt.
func (p *planRun) ended(ctx context.Context, end *planEnd) {
	i := end.index
	c := &p.of.commands[i]
	result := Result{Status: end.state, ExitCode: -1, CompletedAt: time.Now().UTC()}
	if end.err != nil {
		result.Error = p.x.secrets.String(end.err.Error())
	}
	if end.final != nil {
		result = end.final.ending()
	}
	verdict := p.machine.End(i, plan.Ending{
		Outcome: outcomeOf(result.Status), Code: result.ExitCode, Match: len(c.stderr) > 0 && matches(end.final, c),
	})
	p.mu.Lock()
	at := &p.commands[i]
	at.State, at.Success, at.ExitCode, at.Error = PlanState(result.Status), result.Success, result.ExitCode, result.Error
	if !result.StartedAt.IsZero() {
		at.StartedAt = result.StartedAt
	}
	at.CompletedAt = result.CompletedAt
	if verdict.Again {
		at.State = PlanRetrying
	}
	p.over = p.machine.Over()
	p.noteLocked(i)
	p.mu.Unlock()
	if verdict.Again {
		p.later(c.retry.pause(p.machine.Attempts(i)), &p.resumes, i)
	}
	if verdict.Stop {
		p.cancelRunning(ctx, Cancellation{Actor: p.request.Actor})
	}
}

// outcomeOf is what a status is to the machine.
func outcomeOf(s Status) plan.Outcome {
	switch s {
	case Completed:
		return plan.Completed
	case TimedOut:
		return plan.TimedOut
	case Cancelled:
		return plan.Cancelled
	case Rejected:
		return plan.Rejected
	case Lost:
		return plan.Lost
	default:
		return plan.Failed
	}
}

// matches reports whether what is kept of the stderr of an attempt has what is worth
// another.
func matches(f *finished, c *resolvedCommand) bool {
	if f == nil || f.journal == nil {
		return false
	}
	parts := f.journal.Parts()
	text := keptText(&parts[Stderr], Stderr)
	for _, e := range c.stderr {
		if e.MatchString(text) {
			return true
		}
	}
	return false
}

// The pauses between attempts where nothing else is said.
const (
	firstPause   = time.Second
	longestPause = time.Minute
)

// pause is how long to wait behind so many attempts.
func (y *PlanRetry) pause(attempts int) time.Duration {
	pause, longest := y.Backoff, y.MaxBackoff
	if pause == 0 {
		pause = firstPause
	}
	if longest == 0 {
		longest = max(longestPause, pause)
	}
	for range attempts - 1 {
		if pause >= longest/2 {
			return longest
		}
		pause *= 2
	}
	return min(pause, longest)
}

// tellSkipped notes what will never start.
func (p *planRun) tellSkipped() {
	skipped := p.machine.Skipped()
	if len(skipped) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = p.machine.Over()
	for _, i := range skipped {
		p.commands[i].State = outcomes()[p.machine.Outcome(i)]
		p.noteLocked(i)
	}
}

// cancelRunning cancels every command that was submitted and is not over.
func (p *planRun) cancelRunning(ctx context.Context, c Cancellation) {
	p.mu.Lock()
	var ids []ID
	for i := range p.commands {
		if at := &p.commands[i]; at.Attempts > 0 && !at.State.Over() && at.State != PlanRetrying {
			ids = append(ids, at.ID)
		}
	}
	p.mu.Unlock()
	for _, id := range ids {
		_ = p.engine.Cancel(ctx, id, c) // it has ended, or was not accepted yet
	}
}

// ending is how the plan ended.
func (p *planRun) ending(started time.Time) Ending {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	end := Ending{Cause: CauseCommands, Started: started, Ended: now}
	r := &PlanResult{PlanID: p.x.id, Results: p.commands, TotalDuration: now.Sub(started), EstimateMS: p.estimateMS}
	r.Stats = statsOf(r.Results)
	switch {
	case p.ask.cause != "":
		end.Cause, end.ExitCode, end.CancelledBy = p.ask.cause, -1, p.ask.Actor
	case r.Stats.Lost > 0:
		end.Cause, end.ExitCode = CauseLost, -1
		end.Error = "nobody knows what became of " + p.namesLocked(PlanState(Lost)) + ": look at it, then run again what is to be"
	case p.machine.Failures() > 0:
		end.ExitCode = 1
		end.Error = fmt.Sprintf("%d of %d commands failed: %s", p.machine.Failures(), len(p.commands),
			p.namesLocked(PlanState(Failed), PlanState(TimedOut), PlanState(Cancelled), PlanState(Rejected)))
	}
	r.Status = end.Cause.status(end.ExitCode == 0)
	end.plan = r
	return end
}

// fewNames is how many commands an error names.
const fewNames = 5

// namesLocked are the first commands in one of some states that count as failures.
func (p *planRun) namesLocked(states ...PlanState) string {
	var names []string
	more := 0
	for i := range p.commands {
		c := &p.commands[i]
		for _, s := range states {
			switch {
			case c.State != s, p.of.spec.Nodes[i].Continue && s != PlanState(Lost):
			case len(names) == fewNames:
				more++
			default:
				names = append(names, c.Name)
			}
		}
	}
	if more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
