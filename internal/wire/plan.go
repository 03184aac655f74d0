package wire

import (
	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
)

// EncodePlanSteps makes the messages of what a plan would run.
func EncodePlanSteps(steps []engine.PlanStep) []*pb.PlanStep {
	out := make([]*pb.PlanStep, len(steps))
	for i := range steps {
		s := &steps[i]
		out[i] = &pb.PlanStep{
			Index: new(clamp(s.Index)), OfPlan: new(clamp(s.OfPlan)), Name: text(s.Name), Wave: new(clamp(s.Wave)), After: s.After,
			CommandType: string(s.Type), Command: text(s.Command),
		}
	}
	return out
}

// EncodePlanFaults makes the messages of what is wrong with a plan. Lines and columns are
// left out: those would be of JSON that nobody wrote.
func EncodePlanFaults(err *engine.PlanError) []*pb.PlanFault {
	out := make([]*pb.PlanFault, len(err.Faults))
	for i, f := range err.Faults {
		out[i] = &pb.PlanFault{Path: text(f.Path), Message: text(f.Err.Error())}
	}
	return out
}
