package cli

import (
	"context"
	"errors"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// plansOf are the plans among executions, and the others.
func plansOf(ctx context.Context, d stateDir, ids []engine.ID) (plans, rest []engine.ID, err error) {
	for _, id := range ids {
		x, err := d.Get(ctx, id)
		switch {
		case err != nil:
			return nil, nil, err
		case x.Type == string(engine.CommandTypePlan):
			plans = append(plans, id)
		default:
			rest = append(rest, id)
		}
	}
	return plans, rest, nil
}

// followPlans follows the commands of plans, and other executions beside them.
func (c *logsCommand) followPlans(ctx context.Context, d stateDir, v *viewer, plans, rest []engine.ID, w *wanted) error {
	if v.names(rest); v.prefix == nil {
		v.prefix = map[engine.ID]string{}
	}
	faults := make([]error, len(plans)+1)
	group := lifecycle.New()
	for i, id := range plans {
		group.Go(func(context.Context) { faults[i] = v.followPlan(ctx, d, id, w) })
	}
	if len(rest) > 0 {
		group.Go(func(context.Context) { faults[len(plans)] = c.lines(ctx, d, v, rest, w) })
	}
	group.Wait()
	return errors.Join(faults...)
}

// startedEvery is how soon a command is found that a plan has started. Its executions tell of it
// wherever it runs; its events only the program that runs it has.
const startedEvery = 200 * time.Millisecond

// followPlan shows what the commands of a plan wrote and write, each line behind the name of its
// command, until the plan has ended.
func (v *viewer) followPlan(ctx context.Context, d stateDir, id engine.ID, w *wanted) error {
	var faults []error
	seen := map[engine.ID]*error{}
	group := lifecycle.New()
	for ended := false; !ended; {
		x, err := d.Get(ctx, id) // before its commands, so that none is missing where it has ended
		if err == nil {
			ended = x.Status.Terminal()
			err = v.followStarted(ctx, d, id, w, group, seen)
		}
		if err != nil {
			faults = append(faults, err)
			break
		}
		if ended {
			break
		}
		select {
		case <-time.After(startedEvery):
		case <-ctx.Done():
			faults = append(faults, context.Cause(ctx))
			ended = true
		}
	}
	group.Wait()
	for _, err := range seen {
		faults = append(faults, *err)
	}
	return errors.Join(faults...)
}

// followStarted follows the commands of a plan that were not seen before.
func (v *viewer) followStarted(ctx context.Context, d stateDir, id engine.ID, w *wanted, group *lifecycle.Group, seen map[engine.ID]*error) error {
	f := engine.Filter{Tags: map[string]string{engine.PlanTag: id.String()}, Oldest: true}
	for {
		page, err := d.List(ctx, f)
		if err != nil {
			return err
		}
		for i := range page.Executions {
			x := &page.Executions[i]
			if seen[x.ID] != nil {
				continue
			}
			fault := new(error)
			seen[x.ID] = fault
			v.name(x.ID, oneLine(x.Metadata.Tags[engine.PlanCommandTag]))
			one := newFollowed(x, w)
			group.Go(func(context.Context) { *fault = v.fromStart(ctx, d, one) })
		}
		if f.After = page.Next; f.After == "" {
			return nil
		}
	}
}

// fromStart shows the lines that there are of an execution, and those that come.
func (v *viewer) fromStart(ctx context.Context, d stateDir, f *followed) error {
	if err := v.merge(ctx, d, []*followed{f}); err != nil {
		return err
	}
	return v.follow(ctx, d, f)
}
