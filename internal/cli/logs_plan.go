package cli

import (
	"context"
	"errors"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// followedIDs are executions that are followed: of a plan its commands are.
type followedIDs struct{ plans, others []engine.ID }

// tellPlans tells the plans among executions from the others.
func tellPlans(ctx context.Context, d stateDir, ids []engine.ID) (told followedIDs, err error) {
	for _, id := range ids {
		x, err := d.Get(ctx, id)
		switch {
		case err != nil:
			return followedIDs{}, err
		case x.Type == string(engine.CommandTypePlan):
			told.plans = append(told.plans, id)
		default:
			told.others = append(told.others, id)
		}
	}
	return told, nil
}

// followPlans follows the commands of plans, and other executions beside them.
func (c *logsCommand) followPlans(ctx context.Context, d stateDir, ids followedIDs, v *viewer, w *wanted) error {
	if v.names(ids.others); v.prefix == nil {
		v.prefix = map[engine.ID]string{}
	}
	faults := make([]error, len(ids.plans)+1)
	group := lifecycle.New()
	for i, id := range ids.plans {
		p := &planFollower{viewer: v, state: d, plan: id, want: w, group: lifecycle.New(), seen: map[engine.ID]*error{}}
		group.Go(func(context.Context) { faults[i] = p.follow(ctx) })
	}
	if len(ids.others) > 0 {
		group.Go(func(context.Context) { faults[len(ids.plans)] = c.lines(ctx, d, v, ids.others, w) })
	}
	group.Wait()
	return errors.Join(faults...)
}

// planFollower shows what the commands of a plan wrote and write, each line behind the name of its
// command.
type planFollower struct {
	viewer *viewer
	state  stateDir
	plan   engine.ID
	want   *wanted
	group  *lifecycle.Group
	seen   map[engine.ID]*error // what following an execution ended with
	page   string               // the last one of its executions; of those before it most are seen
}

// startedEvery is how soon a command is found that a plan has started. Its executions tell of it
// wherever it runs; its events only the program that runs it has.
const startedEvery = 200 * time.Millisecond

// follow goes on until the plan has ended.
func (p *planFollower) follow(ctx context.Context) error {
	faults := []error{p.untilEnded(ctx)}
	p.group.Wait()
	for _, err := range p.seen {
		faults = append(faults, *err)
	}
	return errors.Join(faults...)
}

func (p *planFollower) untilEnded(ctx context.Context) error {
	for {
		status, err := p.state.Status(ctx, p.plan) // before its commands: none is missing where it has ended
		if status.Terminal() {
			p.page = "" // one may have come late to a page that was left
		}
		if err == nil {
			err = p.started(ctx)
		}
		if err != nil || status.Terminal() {
			return err
		}
		select {
		case <-time.After(startedEvery):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// started follows the commands that were not seen before.
func (p *planFollower) started(ctx context.Context) error {
	f := engine.Filter{Tags: map[string]string{engine.PlanTag: p.plan.String()}, Oldest: true, After: p.page}
	for {
		page, err := p.state.List(ctx, f)
		if err != nil {
			return err
		}
		for i := range page.Executions {
			if x := &page.Executions[i]; p.seen[x.ID] == nil {
				p.command(ctx, x)
			}
		}
		if page.Next == "" {
			return nil
		}
		p.page, f.After = page.Next, page.Next
	}
}

// command shows the lines that there are of one, and those that come.
func (p *planFollower) command(ctx context.Context, x *engine.Execution) {
	fault, f := new(error), newFollowed(x, p.want)
	p.seen[x.ID] = fault
	p.viewer.name(x.ID, oneLine(x.Metadata.Tags[engine.PlanCommandTag]))
	p.group.Go(func(context.Context) {
		if *fault = p.viewer.merge(ctx, p.state, []*followed{f}); *fault == nil {
			*fault = p.viewer.follow(ctx, p.state, f)
		}
	})
}
