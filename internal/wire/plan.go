package wire

import (
	"errors"

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

// DecodePlanSteps makes what a plan would run of its messages, or the error of what is wrong.
func DecodePlanSteps(m *pb.CheckPlanResponse) ([]engine.PlanStep, error) {
	if len(m.GetFaults()) > 0 {
		wrong := &engine.PlanError{}
		for _, f := range m.GetFaults() {
			wrong.Faults = append(wrong.Faults, engine.PlanFault{Path: f.GetPath(), Err: errors.New(f.GetMessage())})
		}
		return nil, wrong
	}
	steps := make([]engine.PlanStep, 0, len(m.GetSteps()))
	for _, s := range m.GetSteps() {
		steps = append(steps, engine.PlanStep{
			Index: int(s.GetIndex()), OfPlan: int(s.GetOfPlan()), Name: s.GetName(), Wave: int(s.GetWave()), After: s.GetAfter(),
			Type: engine.CommandType(s.GetCommandType()), Command: s.GetCommand(),
		})
	}
	return steps, nil
}

// DecodePlan makes the request of a plan of its message, also where the plan has faults, of
// which it is told when it is checked. Errors: as of DecodeRequest.
func DecodePlan(m *pb.ExecuteRequest) (engine.Request, error) {
	r, err := DecodeRequest(m)
	if _, ok := errors.AsType[*engine.PlanError](err); !ok {
		return r, err
	}
	data, err := strict.decode(m.GetCommand())
	if err != nil {
		return engine.Request{}, err
	}
	p, err := engine.ParsePlan(data)
	if _, ok := errors.AsType[*engine.PlanError](err); !ok {
		return engine.Request{}, err
	}
	return p.Request(), nil
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
