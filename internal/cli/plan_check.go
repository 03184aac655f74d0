package cli

import (
	"context"
	"errors"

	engine "github.com/escher-dbai/cloudops-engine"
)

// misread is what is wrong with a plan that could not be read whole, and, where it would run here,
// all that its commands lack here besides.
func (c *planRunCommand) misread(ctx context.Context, p engine.Plan, s *planSource, err error) error {
	if len(p.Commands) == 0 || c.detach || c.host() != "" || placeHere(&p) != nil {
		return err
	}
	if _, all := c.checkPlan(ctx, p.Request()); errors.Is(all, engine.ErrInvalid) {
		return s.placed(all)
	}
	return err
}

// checkPlan is a dry run of a plan where it would run.
func (c *planRunCommand) checkPlan(ctx context.Context, r engine.Request) (steps []engine.PlanStep, err error) {
	if c.detach || c.host() != "" {
		err = c.withState(ctx, func(ctx context.Context, d stateDir) error {
			steps, err = engine.CheckPlan(ctx, d, r)
			return err
		})
		return steps, err
	}
	all, _, err := loadAll("")
	if err != nil {
		return nil, err
	}
	e, err := engine.New(all.engine)
	if err != nil {
		return nil, err
	}
	steps, err = e.CheckPlan(ctx, r)
	return steps, errors.Join(err, e.Shutdown(ctx))
}
