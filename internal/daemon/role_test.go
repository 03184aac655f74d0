package daemon_test

import (
	"testing"

	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// Every verb of the contract is somewhere in the table, and each role may what it says.
func TestRole_MayWhatTheTableSays(t *testing.T) {
	t.Parallel()
	want := map[daemon.Role]string{
		daemon.Viewer: "Get List Wait Watch ReadOutput Stats Info", daemon.Approver: "Get List Wait Watch ReadOutput Stats Info",
		daemon.Operator: "Execute ExecuteBatch Get Record List Wait Watch ReadOutput Cancel ExtendDeadline WriteStdin CloseStdin Resize AddSecrets Stats Info",
		daemon.Admin:    "Execute ExecuteBatch Get Record List Wait Watch ReadOutput Cancel ExtendDeadline WriteStdin CloseStdin Resize AddSecrets Delete Stats Info",
	}
	methods := pb.File_cloudops_v1_execution_service_proto.Services().ByName("ExecutionService").Methods()
	for _, role := range append(daemon.Roles(), "stranger") {
		allowed := ""
		for i := range methods.Len() {
			name := string(methods.Get(i).Name())
			may, known := daemon.May(role, "/cloudops.v1.ExecutionService/"+name)
			if !known {
				t.Errorf("%s stands in no table", name)
			}
			if may {
				allowed += " " + name
			}
		}
		if allowed != "" {
			allowed = allowed[1:]
		}
		if allowed != want[role] {
			t.Errorf("%s may %q, want %q", role, allowed, want[role])
		}
	}
	for _, path := range []string{"/", "", "/cloudops.v1.ExecutionService/", "/cloudops.v1.ExecutionService/Nothing", "/v1/executions/a/b/logs", "/debug/pprof/"} {
		if _, known := daemon.May(daemon.Admin, path); known {
			t.Errorf("%q is served", path)
		}
	}
}
