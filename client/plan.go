package client

import (
	"context"
	"fmt"

	engine "github.com/escher-dbai/cloudops-engine"
)

// ExecutePlan accepts a plan. See [engine.Engine]; the daemon checks it on its machine. Errors
// besides: as of Execute.
func (c *Client) ExecutePlan(ctx context.Context, p engine.Plan) (engine.ID, error) {
	return c.Execute(ctx, p.Request())
}

// PlanStatus returns how far a plan is, by its events. See [engine.PlanFrom].
func (c *Client) PlanStatus(ctx context.Context, id engine.ID) (engine.PlanResult, error) {
	return engine.PlanFrom(ctx, c, id)
}

// PlanResult returns how a plan ended. See [engine.Engine].
func (c *Client) PlanResult(ctx context.Context, id engine.ID) (engine.PlanResult, error) {
	r, err := c.Result(ctx, id)
	return planIn(&r, err)
}

// WaitPlan waits until a plan ended and returns how. See [engine.Engine].
func (c *Client) WaitPlan(ctx context.Context, id engine.ID) (engine.PlanResult, error) {
	r, err := c.Wait(ctx, id)
	return planIn(&r, err)
}

// CancelPlan asks a plan to end. See [engine.Engine].
func (c *Client) CancelPlan(ctx context.Context, id engine.ID, how engine.Cancellation) error {
	return c.Cancel(ctx, id, how)
}

func planIn(r *engine.Result, err error) (engine.PlanResult, error) {
	if err != nil {
		return engine.PlanResult{}, err
	}
	if r.Plan == nil {
		return engine.PlanResult{}, fmt.Errorf("%w: execution %s is no plan", engine.ErrInvalid, r.ID)
	}
	return *r.Plan, nil
}
