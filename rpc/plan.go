package rpc

import (
	"context"
	"errors"
	"fmt"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// CheckPlan says what a plan would run, or what is wrong with it. The engine is not asked.
func (s *service) CheckPlan(_ context.Context, m *pb.CheckPlanRequest) (*pb.CheckPlanResponse, error) {
	r, err := wire.DecodeRequest(m.GetRequest())
	var steps []engine.PlanStep
	if err == nil {
		plan, ok := r.Command.(engine.Plan)
		if !ok {
			return answer[pb.CheckPlanResponse](nil, fmt.Errorf("%w: the command of the request is no plan: give it the type plan", engine.ErrInvalid))
		}
		steps, err = plan.Steps()
	}
	if wrong, ok := errors.AsType[*engine.PlanError](err); ok {
		return &pb.CheckPlanResponse{Faults: wire.EncodePlanFaults(wrong)}, nil
	}
	return answer(&pb.CheckPlanResponse{Steps: wire.EncodePlanSteps(steps)}, err)
}
