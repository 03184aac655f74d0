package rpc_test

import (
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"

	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/rpc"
)

// A plan is checked without being started: what it would run, or all that is wrong with it.
func TestCheckPlan_SaysWhatWouldRunOrWhatIsWrong(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	for what, c := range map[string]struct{ command, want string }{
		"a plan": {
			`{"type": "plan", "commands": [
				{"name": "a", "type": "exec", "program": "sh"},
				{"name": "b", "type": "shell", "shell": "sh", "command": "echo ${matrix.x}", "depends_on": ["a"], "matrix": {"axes": {"x": ["1", "2"]}}}]}`,
			`{"steps": [
				{"index": 0, "of_plan": 0, "name": "a", "wave": 0, "command_type": "exec", "command": "sh"},
				{"index": 1, "of_plan": 1, "name": "b[1]", "wave": 1, "after": ["a"], "command_type": "shell", "command": "sh -c 'echo 1'"},
				{"index": 2, "of_plan": 1, "name": "b[2]", "wave": 1, "after": ["a"], "command_type": "shell", "command": "sh -c 'echo 2'"}]}`,
		},
		"one with faults, and without a program": {
			`{"type": "plan", "commands": [
				{"type": "exec", "program": "no-such-program", "depends_on": ["y"]},
				{"type": "shell", "command": "true", "depends_on": ["z"]}]}`,
			`{"faults": [
				{"path": "/commands/0", "message": "command-0: program not found: no-such-program"},
				{"path": "/commands/0/depends_on/0", "message": "is \"y\": there is no such command; by index they are 0 to 1"},
				{"path": "/commands/1/depends_on/0", "message": "is \"z\": there is no such command; by index they are 0 to 1"}]}`,
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			m, want := &pb.CheckPlanRequest{Request: &pb.ExecuteRequest{Command: &pb.Command{}}}, &pb.CheckPlanResponse{}
			if err := protojson.Unmarshal([]byte(c.command), m.GetRequest().GetCommand()); err != nil {
				t.Fatal(err)
			}
			if err := protojson.Unmarshal([]byte(c.want), want); err != nil {
				t.Fatal(err)
			}
			got, err := d.service().CheckPlan(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What is no plan is refused, and what its request has wrong.
func TestCheckPlan_RefusesWhatIsNoPlan(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	for what, m := range map[string]*pb.CheckPlanRequest{
		"nothing":   {},
		"a command": {Request: request("true")},
	} {
		if m, err := d.service().CheckPlan(t.Context(), m); connect.CodeOf(err) != connect.CodeInvalidArgument {
			t.Errorf("%s: %v, %v", what, m, err)
		}
	}
}
