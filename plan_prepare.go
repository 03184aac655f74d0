package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/plan"
	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// preparePlan is prepare for a plan: all of it is checked before anything starts, its
// commands included, unless it was accepted before.
func (e *Engine) preparePlan(ctx context.Context, asked *Request, isNew bool) (*execution, error) {
	p, _ := asked.Command.(Plan)
	p = p.owned()
	x := &execution{launch: e.launches.of(asked), timeout: cmp.Or(asked.Timeout, Forever), lock: asked.Lock}
	x.queueTimeout = cmp.Or(asked.QueueTimeout, e.config.QueueTimeout)
	r := x.launch.Request
	own(r)
	r.Command = p
	var err error
	if r.ID == (ID{}) {
		if r.ID, err = newID(); err != nil {
			return nil, err
		}
	}
	x.id = r.ID
	resolved, faults := p.resolve()
	err = errors.Join(checkPlanRequest(r), checkActor(r.Actor), checkLock(r.Lock), checkNegative(r))
	if isNew {
		run := &planRun{engine: e, x: x, request: r, of: resolved}
		faults = append(faults, run.probe(ctx, err == nil && len(faults) == 0)...)
	}
	if err = errors.Join(p.wrong(faults), err); err != nil {
		return nil, err
	}
	x.launch.ID, x.launch.Timeout = r.ID, x.timeout
	x.plan = newPlanRun(e, x, r, resolved)
	return x, e.equipPlan(x)
}

// owned is the plan with copies of what its caller may go on to change.
func (p Plan) owned() Plan {
	p.Commands = slices.Clone(p.Commands)
	for i := range p.Commands {
		c := &p.Commands[i]
		own(&c.Request)
		c.Retry.ExitCodes, c.When = slices.Clone(c.Retry.ExitCodes), slices.Clone(c.When)
	}
	return p
}

// checkNegative checks the durations that a plan has.
func checkNegative(r *Request) error {
	if min(r.Timeout, r.QueueTimeout) < 0 {
		return fault(ErrInvalid, "timeout_ms is %d, queue_timeout_ms is %d: must be above 0", r.Timeout.Milliseconds(), r.QueueTimeout.Milliseconds())
	}
	return nil
}

// equipPlan gives a plan its masks, those of all its commands, and its journal.
func (e *Engine) equipPlan(x *execution) error {
	l := x.launch
	r := l.Request
	l.secrets = redact.NewSecrets(e.masksOf(r))
	x.secrets = l.secrets
	l.Mask = l.secrets.String
	maskLabels(r, l.Mask)
	request, line, err := keep(r, l.Mask)
	if err != nil {
		return Advise(fault(ErrInvalid, "the plan cannot be kept without its secrets: %v", err), "no name and no number of it may be a secret")
	}
	x.shown.Store(&shown{request, line})
	x.journal = journal.New(&e.bounds)
	l.Journal = x.journal
	return nil
}

// planSecrets are the values that a plan says are secret, for itself and its commands.
func planSecrets(r *Request) []string {
	values := slices.Clip(r.Secrets)
	p, _ := r.Command.(Plan)
	for i := range p.Commands {
		c := &p.Commands[i].Request
		values = append(values, c.Secrets...)
		for name, value := range c.Env {
			if redact.SecretName(name) {
				values = append(values, value)
			}
		}
	}
	return values
}

// withoutSecrets is the plan with masks where its commands have secrets.
func (p Plan) withoutSecrets() Plan {
	p.Commands = slices.Clone(p.Commands)
	for i := range p.Commands {
		c := &p.Commands[i].Request
		c.Env = withoutSecrets(c.Env)
		if len(c.Secrets) > 0 {
			c.Secrets = []string{redact.Mask}
		}
		if len(c.Stdin) > 0 {
			c.Stdin = []byte(redact.Mask)
		}
	}
	return p
}

// hasSecrets reports whether withoutSecrets would change anything.
func (p Plan) hasSecrets() bool {
	return slices.ContainsFunc(p.Commands, func(c PlanCommand) bool {
		return len(c.Request.Env)+len(c.Request.Secrets)+len(c.Request.Stdin) > 0
	})
}

// newPlanRun is a plan of which nothing has started.
func newPlanRun(e *Engine, x *execution, r *Request, of *resolved) *planRun {
	of.spec.Concurrency = min(cmp.Or(of.spec.Concurrency, e.config.MaxConcurrent), e.config.MaxConcurrent)
	p := &planRun{
		engine: e, x: x, request: r, of: of, machine: plan.New(of.spec), wake: make(chan struct{}, 1),
		commands: make([]PlanCommandResult, len(of.commands)),
	}
	for i := range of.commands {
		p.commands[i] = PlanCommandResult{Index: i, OfPlan: of.commands[i].of, Name: of.commands[i].name, State: PlanState(Pending), ExitCode: -1}
	}
	return p
}

// Tags that the executions of a plan have.
const (
	PlanTag        = "plan_id"
	PlanCommandTag = "plan_command"
	PlanAttemptTag = "plan_attempt"
)

// commandID is the id of an attempt of a command. It follows from its plan, so that who
// goes on with a plan asks for the same execution again, and not for another.
func commandID(planID ID, name string, attempt int) ID {
	return uuid.NewSHA1(planID, fmt.Appendf(nil, "%s\x00%d", name, attempt))
}

// asked is the request of an attempt of a command.
func (p *planRun) asked(i, attempt int) Request {
	c := &p.of.commands[i]
	r := *c.request
	r.ID = commandID(p.x.id, c.name, attempt)
	if r.Lock == p.request.Lock {
		r.Lock = "" // the plan has it
	}
	r.Actor = cmp.Or(r.Actor, p.request.Actor)
	r.Metadata.Source = cmp.Or(r.Metadata.Source, p.request.Metadata.Source)
	r.Metadata.ConversationID = cmp.Or(r.Metadata.ConversationID, p.request.Metadata.ConversationID)
	r.Metadata.Tags = mergedTags(mergedTags(p.request.Metadata.Tags, r.Metadata.Tags), map[string]string{
		PlanTag: p.x.id.String(), PlanCommandTag: c.name, PlanAttemptTag: fmt.Sprint(attempt),
	})
	if len(p.request.Secrets) > 0 {
		r.Secrets = append(slices.Clip(r.Secrets), p.request.Secrets...)
	}
	return r
}

// probe checks every command as if it was executed now. Of a plan that is not well it checks
// what of it could run, so that all that is wrong is told at once; the policy is not asked.
func (p *planRun) probe(ctx context.Context, well bool) []PlanFault {
	var faults planFaults
	wrong := -1
	for i := range p.of.commands {
		c := &p.of.commands[i]
		if c.of == wrong || c.request == nil || c.request.Command.Type() == CommandTypePlan {
			continue // the other cells are as wrong; it is a fault already
		}
		r := p.asked(i, 1)
		if !well {
			r.Lock = "" // which was checked
		}
		if err := p.engine.probe(ctx, r, well); err != nil {
			wrong = c.of
			faults.wrong(commandPath(c.of), fmt.Errorf("%s: %w", c.name, err))
		}
	}
	return faults.list
}

// probe checks a request and keeps nothing of it.
func (e *Engine) probe(ctx context.Context, r Request, ask bool) error {
	x, toolEnv, err := e.check(&r)
	if err == nil {
		if ask && e.config.Policy != nil {
			e.equip(x, toolEnv) // it sees what it sees at the start
			err = e.allowed(ctx, x, false)
		}
		e.launches.take(x.launch)
	}
	if err != nil {
		return e.maskError(&r, err)
	}
	return nil
}
