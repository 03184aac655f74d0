package cli

import (
	"context"

	engine "github.com/escher-dbai/cloudops-engine"
)

// rerunPlan runs a plan again, or what failed of it where it is told how that ended.
func (c *rerunCommand) rerunPlan(ctx context.Context, kept *engine.Record, p engine.Plan, ended *engine.PlanResult) error {
	for _, flag := range c.request.flags {
		if c.request.given(flag.name) {
			return fault("cloudops plan run FILE, with another plan", "--%s is for a command, and %s is a plan", flag.name, kept.Execution.ID)
		}
	}
	if missing := kept.Missing(); len(missing) > 0 {
		return fault("cloudops plan run FILE has all that it needs", "the plan had secrets, which are not kept: %s", missing[0])
	}
	asked := &kept.Request // it has what a plan has in common with a request
	p.ID, p.Metadata, p.Timeout, p.Lock = engine.ID{}, asked.Metadata, asked.Timeout, asked.Lock
	if ended != nil {
		again, err := againOf(p, ended.Results)
		if err != nil {
			return err
		}
		if note := lostNote(ended.Results); note != "" {
			c.note("%s", note)
		}
		p = again
	}
	if c.detach {
		return c.leavePlan(ctx, p.Request())
	}
	how := planShowing{progress: progressAuto}
	switch {
	case c.json:
		how.progress = progressJSON
	case c.quiet:
		how.progress = progressQuiet
	case c.plain:
		how.progress = progressPlain
	}
	return how.showPlan(ctx, c.program, p.Request())
}

// leavePlan leaves a plan to a daemon, and prints its id.
func (p *program) leavePlan(ctx context.Context, plan engine.Request) error {
	return p.withState(ctx, func(ctx context.Context, d stateDir) error {
		id, err := d.Execute(ctx, plan)
		if err == nil {
			say(p.stdout, "%s\n", id)
		}
		return err
	})
}
