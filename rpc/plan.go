package rpc

import (
	"context"
	"errors"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// CheckPlan says what a plan would run, or all that is wrong with it, on the engine's machine.
func (s *service) CheckPlan(ctx context.Context, m *pb.CheckPlanRequest) (*pb.CheckPlanResponse, error) {
	r, err := wire.DecodePlan(m.GetRequest())
	var steps []engine.PlanStep
	if err == nil {
		steps, err = engine.CheckPlan(ctx, s.engine, r)
	}
	if wrong, ok := errors.AsType[*engine.PlanError](err); ok {
		return &pb.CheckPlanResponse{Faults: wire.EncodePlanFaults(wrong)}, nil
	}
	return answer(&pb.CheckPlanResponse{Steps: wire.EncodePlanSteps(steps)}, err)
}
