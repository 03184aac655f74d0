package daemon_test

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// roles is who may call what: the whole table once more, by hand. A procedure that comes to
// the contract fails the test until somebody has thought about it here too.
func roles() map[string][]daemon.Role {
	all := daemon.Roles()
	may := func(who []daemon.Role, verbs ...string) map[string][]daemon.Role {
		table := map[string][]daemon.Role{}
		for _, v := range verbs {
			table["/cloudops.v1."+v] = who
		}
		return table
	}
	table := map[string][]daemon.Role{
		"/v1/executions/0/logs":        all,
		"/metrics":                     all,
		"/debug/pprof/heap":            {daemon.Admin},
		"/grpc.health.v1.Health/Check": all,
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": all,
	}
	for _, part := range []map[string][]daemon.Role{
		may(all, "ExecutionService/Get", "ExecutionService/List", "ExecutionService/Wait", "ExecutionService/Watch",
			"ExecutionService/ReadOutput", "ExecutionService/Stats", "ExecutionService/Info"),
		may([]daemon.Role{daemon.Operator, daemon.Admin}, "ExecutionService/Execute", "ExecutionService/ExecuteBatch", "ExecutionService/CheckPlan", "ExecutionService/Cancel",
			"ExecutionService/ExtendDeadline", "ExecutionService/WriteStdin", "ExecutionService/CloseStdin", "ExecutionService/Resize",
			"ExecutionService/AddSecrets", "ExecutionService/Record"),
		may([]daemon.Role{daemon.Admin}, "ExecutionService/Delete"),
	} {
		maps.Copy(table, part)
	}
	return table
}

// procedures are those of the contract, as it is written.
func procedures(t *testing.T) (all []string) {
	t.Helper()
	files, err := filepath.Glob("../../proto/cloudops/v1/*.proto")
	must(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		service := ""
		for _, m := range regexp.MustCompile(`(?m)^\s*(service|rpc) (\w+)`).FindAllStringSubmatch(string(text), -1) {
			if m[1] == "service" {
				service = "/cloudops.v1." + m[2] + "/"
				continue
			}
			all = append(all, service+m[2])
		}
	}
	if len(all) < 16 {
		t.Fatalf("the contract has only %q", all)
	}
	return all
}

// Every procedure of the contract is in the table, and each role may what stands there.
func TestRole_MayWhatTheTableSays(t *testing.T) {
	t.Parallel()
	table, contract := roles(), procedures(t)
	for _, path := range contract {
		if _, ok := table[path]; !ok {
			t.Errorf("%s stands in no table: who may call it?", path)
		}
	}
	for path, who := range table {
		if strings.HasPrefix(path, "/cloudops.") && !slices.Contains(contract, path) {
			t.Errorf("%s is in the table, and not in the contract", path)
		}
		for _, role := range append(daemon.Roles(), "stranger", "") {
			if may, known := daemon.May(role, path); !known || may != slices.Contains(who, role) {
				t.Errorf("%q may call %s: %t (served: %t), want %t", role, path, may, known, slices.Contains(who, role))
			}
		}
	}
	for _, path := range []string{
		"/", "", "/cloudops.v1.ExecutionService/", "/cloudops.v1.ExecutionService/Nothing", "/cloudops.v1.executionservice/Stats",
		"/cloudops.v1.ExecutionService/Stats/", "/v1/executions/a/b/logs", "/v1/executions/a", "/debug/", "/metrics/more", "/cloudops.v2.ExecutionService/Stats",
	} {
		if _, known := daemon.May(daemon.Admin, path); known {
			t.Errorf("%q is served", path)
		}
	}
}

// A token opens what its role may, at the door itself.
func TestRole_IsAskedForAtTheDoor(t *testing.T) {
	t.Parallel()
	n := network(t, daemon.Viewer)
	for _, role := range daemon.Roles() {
		now := time.Now()
		secret, _, err := daemon.TokensIn(n.dir).Create(string(role), role, now, now.Add(time.Hour))
		must(t, err)
		for path, who := range roles() {
			header := map[string]string{"Authorization": "Bearer " + secret, "Content-Type": "application/json"}
			status, answer := ask(t, n.at, &asked{http.MethodPost, path, `{"id":"no id"}`, header})
			if may := slices.Contains(who, role); may == (status == http.StatusForbidden) || status == http.StatusUnauthorized {
				t.Errorf("%s calls %s: %d %s", role, path, status, answer)
			}
		}
	}
}
