package client

import (
	"context"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// ExecutePlan accepts a plan. See [engine.Engine]; the daemon checks it on its machine. Errors
// besides: as of Execute.
func (c *Client) ExecutePlan(ctx context.Context, p engine.Plan) (engine.ID, error) {
	return c.Execute(ctx, p.Request())
}

// CheckPlan is a dry run of a plan on the daemon's machine. See [engine.Engine]. What its text has
// wrong is told without the daemon.
func (c *Client) CheckPlan(ctx context.Context, r engine.Request) ([]engine.PlanStep, error) {
	if p, ok := r.Command.(engine.Plan); ok {
		if err := p.Check(); err != nil {
			return nil, err
		}
	}
	m, err := encodeRequest(r)
	if err != nil {
		return nil, err
	}
	out, err := again(ctx, c, c.rpc.CheckPlan, &pb.CheckPlanRequest{Request: m})
	if err != nil {
		return nil, err
	}
	return wire.DecodePlanSteps(out)
}

// PlanStatus returns how far a plan is, by its events. See [engine.PlanFrom].
func (c *Client) PlanStatus(ctx context.Context, id engine.ID) (engine.PlanResult, error) {
	return engine.PlanFrom(ctx, c, id)
}

// PlanResult returns how a plan ended. See [engine.Engine].
func (c *Client) PlanResult(ctx context.Context, id engine.ID) (engine.PlanResult, error) {
	r, err := c.Result(ctx, id)
	return c.planIn(ctx, &r, err)
}

// WaitPlan waits until a plan ended and returns how. See [engine.Engine].
func (c *Client) WaitPlan(ctx context.Context, id engine.ID) (engine.PlanResult, error) {
	r, err := c.Wait(ctx, id)
	return c.planIn(ctx, &r, err)
}

// CancelPlan asks a plan to end. See [engine.Engine].
func (c *Client) CancelPlan(ctx context.Context, id engine.ID, how engine.Cancellation) error {
	return c.Cancel(ctx, id, how)
}

func (c *Client) planIn(ctx context.Context, r *engine.Result, err error) (engine.PlanResult, error) {
	if err != nil {
		return engine.PlanResult{}, err
	}
	return engine.PlanOf(ctx, c, r)
}
