package cli_test

import (
	"strings"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

func TestPlan_OfYAMLIsThatOfJSON(t *testing.T) {
	t.Parallel()
	plans := map[string]string{
		"JSON": `{"description": "d", "strategy": {"type": "dependency_graph", "dependencies": {"1": [0]}}, "timeout_ms": 5000,
			"commands": [{"type": "shell", "command": "echo a\necho 1.5"}, {"name": "b", "type": "exec", "program": "echo", "args": ["07", "yes", "a~b/c", ""], "continue_on_error": true}]}`,
		"YAML": `
description: d   # ${var.none} is a comment
strategy:
  type: dependency_graph
  dependencies: {1: [0]}
timeout_ms: 5_000
commands:
- type: shell
  command: |-
    echo a
    echo 1.5
- {name: b, type: exec, program: echo, args: ["07", 'yes', a~b/c, ""], continue_on_error: true}
`,
		"YAML with values": `
description: ${var.d}
strategy: {type: dependency_graph, dependencies: {1: [0]}}
timeout_ms: ${var.ms}
commands:
- type: shell
  command: "echo a\n${var.echo} 1.5"
- {name: &b b, type: exec, program: '${var.echo}', args: ["${var.seven}", 'yes', a~b/c, ""], continue_on_error: true}
`,
		"JSON with values": `{"description": "${var.d}", "strategy": {"type": "dependency_graph", "dependencies": {"1": [0]}}, "timeout_ms": ${var.ms},
			"commands": [{"type": "shell", "command": "echo a\n${var.echo} 1.5"}, {"name": "b", "type": "exec", "program": "echo", "args": ["${var.seven}", "yes", "a~b/c", ""], "continue_on_error": true}]}`,
	}
	want := ""
	for _, how := range []string{"JSON", "YAML", "YAML with values", "JSON with values"} {
		var vars map[string]string
		if strings.Contains(how, "values") {
			vars = map[string]string{"d": "d", "ms": "5000", "echo": "echo", "seven": "07"}
		}
		p, err := cli.ReadPlan(plans[how], vars)
		if err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		data, err := p.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if want == "" {
			want = string(data)
		}
		wantText(t, how, want, string(data))
	}
}

func TestPlan_ValuesAddNothingButText(t *testing.T) {
	t.Parallel()
	for _, value := range []string{`x", "name": "y`, "x\n  name: y", `{"a": 1}`, "[1]", "${var.v}", `\`, "'", "1, 2", " 1", "&a", "*a", "|"} {
		for how, text := range map[string]string{
			"YAML":              "commands:\n- type: shell\n  command: ${var.v}\n",
			"JSON":              `{"commands": [{"type": "shell", "command": "${var.v}"}]}`,
			"JSON without sign": `{"commands": [{"type": "shell", "command": ${var.v}}]}`,
		} {
			p, err := cli.ReadPlan(text, map[string]string{"v": value})
			if err != nil {
				t.Errorf("%s with %q: %v", how, value, err)
				continue
			}
			data, err := p.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			got := parse[struct {
				Commands []struct{ Command struct{ Command string } }
			}](t, string(data)).Commands[0].Command
			wantText(t, how, value, got.Command)
		}
	}
}

func TestPlan_FaultsHaveTheirPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ what, text, want string }{
		{"no YAML", "commands: [", "stdin:1: "},
		{"nothing", "# nothing\n", "stdin: there is no plan in it"},
		{"no plan", "- a\n", "stdin:1:1: is not an object"},
		{"two documents", "commands: []\n---\na: b\n", "stdin:3:1: a second document"},
		{"an unknown field", "commands: []\nstratgy:\n  type: serial\n", "stdin:2:1: /stratgy: is not known"},
		{"a field twice", "commands: []\ndescription: a\ndescription: b\n", "stdin:3:1: /description: is there twice"},
		{"in a list", "commands:\n- type: shell\n  command: a\n  when:\n  - command: b\n", "stdin:5:"},
		{"an anchor in itself", "commands: &a\n- *a\n", "stdin:2:3: *a is not known"},
		{"a merge", "x: &x {type: shell}\ncommands:\n- <<: *x\n", "stdin:3:3: << is not read"},
		{"a tag", "commands: !!set {}\n", "stdin:1:"},
		{"infinity", "commands: .inf\n", "stdin:1:11: Infinity is not read"},
		{"JSON behind a value", `{"description": "${var.v}", "x": 1, "commands": []}`, `stdin:1:34: /x: is not known`},
		{"too deep", "commands: " + strings.Repeat("[", 200) + strings.Repeat("]", 200), "stdin:1:"},
		{"too much", laughs(), "this is too much"},
	} {
		vars := map[string]string{}
		if strings.Contains(c.text, "${var.v}") {
			vars["v"] = "longer than it was"
		}
		_, err := cli.ReadPlan(c.text, vars)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, got %v", c.what, c.want, err)
		}
	}
}

// laughs is a billion of them.
func laughs() string {
	text := "a0: &a0 [" + strings.Repeat("ha, ", 9) + "ha]\n"
	for _, n := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		before := string(n[0] - 1)
		text += "a" + n + ": &a" + n + " [" + strings.TrimSuffix(strings.Repeat("*a"+before+", ", 10), ", ") + "]\n"
	}
	return text
}
