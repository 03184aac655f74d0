package engine_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
)

// What this machine lacks is told with what is wrong with the plan, in one go, also of a plan whose
// text could not be read whole; such a plan is never run.
func TestCheckPlan_TellsWhatIsNotThereWithAllElse(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	p, err := engine.ParsePlan([]byte(`{"commands": [
 {"name": "a", "type": "exec", "program": "no-such-a", "timeout_ms": "soon"},
 {"name": "b", "type": "exec", "program": "no-such-b", "depends_on": ["z"]},
 {"name": "c", "type": "exec", "program": "no-such-c", "matrix": {"axes": {"x": []}}},
 {"name": "d", "type": "exec", "program": "no-such-d", "timeout_ms": 1, "working_dir": 7},
 {"name": "e", "type": "exec", "program": "${matrix.x}", "matrix": {"axes": {"x": []}}}]}`))
	if err == nil {
		t.Fatal("it has no fault")
	}
	want := `line 2, column 2: /commands/0: a: program not found: no-such-a
line 2, column 70: /commands/0/timeout_ms: is not a whole number, but a JSON string
line 3, column 2: /commands/1: b: program not found: no-such-b
line 3, column 71: /commands/1/depends_on/0: is "z": there is no such command; by index they are 0 to 4
line 4, column 2: /commands/2: c: program not found: no-such-c
line 4, column 81: /commands/2/matrix/axes/x: has no values
line 5, column 88: /commands/3/working_dir: is not a string, but a JSON number
line 6, column 83: /commands/4/matrix/axes/x: has no values
`
	_, checked := e.CheckPlan(t.Context(), p.Request())
	_, executed := e.ExecutePlan(t.Context(), p)
	for what, err := range map[string]error{"checked": checked, "executed": executed} {
		if d := cmp.Diff(want, faultsOf(t, err)); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
		if !errors.Is(err, engine.ErrProgramNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n, err := e.Stats(t.Context()); err != nil || n.Accepted > 0 {
		t.Errorf("%v: %+v", err, n)
	}
}
