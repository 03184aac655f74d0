package cli_test

import (
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

// A plan after whose end some commands, by their names, did not end well: the others did.
func TestRerunFailed_KeepsWhatFailedAndWhatDependsOnIt(t *testing.T) {
	t.Parallel()
	const graph = `
commands:
- {type: shell, command: 'true'}
- {name: b, type: shell, command: 'true', depends_on: [0]}
- {name: c, type: shell, command: 'true', depends_on: [b]}
- {name: d, type: shell, command: 'true', depends_on: [command-0]}
`
	const scan = `
commands:
- {name: scan, type: shell, command: 'echo ${matrix.a} ${matrix.b}', matrix: {axes: {b: ["1", "2"], a: [x, y, z]}}}
- {name: z2, type: shell, command: 'true', depends_on: ['scan[z,2]']}
- {name: all, type: shell, command: 'true', when: [{command: scan, status: [completed]}]}
- {name: none, type: shell, command: 'true', when: [{command: scan, status: [failed]}]}
`
	for _, c := range []struct{ what, plan, bad, want string }{
		{"one in the middle", graph, "b=failed c=skipped", "b c<b"},
		{"the first", graph, "command-0=timeout b=skipped c=skipped d=skipped", "command-0 b<command-0 c<b d<command-0"},
		{"the last", graph, "d=cancelled", "d"},
		{"one that those who ran did not wait for well", graph, "b=failed", "b c<b"},
		{"a cell", scan, "scan[x,2]=failed", "scan{a:x b:2} all?scan"},
		{"cells that are a matrix", scan, "scan[y,2]=failed scan[z,2]=failed z2=skipped", "scan{a:y,z b:2} z2<scan[z,2] all?scan"},
		{"cells that are none", scan, "scan[x,2]=failed scan[z,1]=failed", "error: scan: 2 of its cells failed, and those are no matrix: values of each axis, all combined"},
		{"all cells", scan, strings.ReplaceAll("scan[x,1]=* scan[x,2]=* scan[y,1]=* scan[y,2]=* scan[z,1]=* scan[z,2]=* z2=skipped", "*", "failed"), "scan{a:x,y,z b:1,2} z2<scan[z,2] all?scan none?scan"},
		{"by indexes", `{"strategy": {"type": "dependency_graph", "dependencies": {"2": [0, 1], "3": [2]}}, "commands": [
			{"type": "shell", "command": "a"}, {"type": "shell", "command": "b"}, {"type": "shell", "command": "c"}, {"type": "shell", "command": "d"}]}`, "command-1=failed command-2=skipped command-3=skipped", "command-1 command-2<command-1 command-3<command-2"},
		{"nothing", graph, "", "error: all commands of the plan ended well"},
	} {
		p, err := cli.ReadPlan(c.plan, nil)
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, c.what, c.want, told(cli.AgainOf(p, endings(t, p, c.bad))))
	}
}

// endings are how the commands of a plan ended: those that are named so, the others well.
func endings(t *testing.T, p engine.Plan, bad string) []engine.PlanCommandResult {
	t.Helper()
	steps, err := p.Steps()
	if err != nil {
		t.Fatal(err)
	}
	results := make([]engine.PlanCommandResult, len(steps))
	for _, s := range steps {
		state := engine.PlanState(engine.Completed)
		for one := range strings.FieldsSeq(bad) {
			if name, is, _ := strings.Cut(one, "="); name == s.Name {
				state = engine.PlanState(is)
			}
		}
		results[s.Index] = engine.PlanCommandResult{Index: s.Index, OfPlan: s.OfPlan, Name: s.Name, State: state}
	}
	return results
}

// told is a plan in short: who is in it, with which values, after whom and on which conditions.
func told(p engine.Plan, err error) string {
	if err == nil {
		err = p.Check()
	}
	if err != nil {
		return "error: " + err.Error()
	}
	var all []string
	for i := range p.Commands {
		c := &p.Commands[i]
		text := c.Name
		if a := c.Matrix.Axes; len(a) > 0 {
			text += "{a:" + strings.Join(a["a"], ",") + " b:" + strings.Join(a["b"], ",") + "}"
		}
		for _, ref := range c.DependsOn {
			text += "<" + ref
		}
		for _, before := range p.Strategy.Dependencies[i] {
			text += "<" + p.Commands[before].Name
		}
		for _, when := range c.When {
			text += "?" + when.Command
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}
