package engine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
)

// What the original's programs write is a plan.
func TestParsePlan_ReadsTheOriginals(t *testing.T) {
	t.Parallel()
	p, err := engine.ParsePlan([]byte(`{
		"id": "0199f3c4-0000-7000-8000-000000000001", "description": "start all",
		"strategy": {"type": "dependency_graph", "dependencies": {"1": [0], "2": [0, 1]}},
		"commands": [
			{"command": {"type": "shell", "command": "true", "shell": "sh"}, "env": {}},
			{"command": {"type": "exec", "program": "true", "args": []}, "timeout_ms": 1000},
			{"type": "aws_cli", "service": "s3", "operation": "ls", "working_dir": "/tmp"}
		],
		"metadata": {"source": "desktop", "tags": {"team": "data"}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	want := engine.Plan{
		ID: p.ID, Description: "start all",
		Strategy: engine.PlanStrategy{Type: engine.GraphPlan, Dependencies: map[int][]int{1: {0}, 2: {0, 1}}},
		Commands: []engine.PlanCommand{
			{Request: engine.Request{Command: engine.Shell("true").With("sh"), Env: map[string]string{}}},
			{Request: engine.Request{Command: engine.Exec("true"), Timeout: time.Second}},
			{Request: engine.Request{Command: engine.AWS("s3", "ls"), WorkingDir: "/tmp"}},
		},
		Metadata: engine.Metadata{Source: "desktop", Tags: map[string]string{"team": "data"}},
	}
	sameJSON(t, want, p)
}

// sameJSON compares by what is written.
func sameJSON(t *testing.T, want, got any) {
	t.Helper()
	a, err := json.MarshalIndent(want, "", " ")
	b, also := json.MarshalIndent(got, "", " ")
	if err := errors.Join(err, also); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(a), string(b)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A plan with everything is read as it was written.
func TestPlan_JSONComesBack(t *testing.T) {
	t.Parallel()
	p := engine.Plan{
		Description: "all", Strategy: engine.PlanStrategy{Type: engine.GraphPlan, MaxConcurrency: 4},
		Halt: engine.PlanHalt{Failures: 2, Percent: 10, Now: true}, Timeout: time.Hour, Lock: "prod",
		Commands: []engine.PlanCommand{
			{Name: "check", Request: engine.Request{Command: engine.Shell("df"), Timeout: time.Minute, Lock: "disk"}, ContinueOnError: true},
			{
				Name: "each", Request: engine.Request{Command: engine.AWS("ec2", "describe-instances").Region("${matrix.region}")},
				DependsOn: []string{"check", "0"},
				When:      []engine.PlanCondition{{Command: "0", Status: []engine.PlanState{"failed"}, ExitCodes: []int{1, 2}}},
				Retry: engine.PlanRetry{
					Attempts: 3, Backoff: 2 * time.Second, MaxBackoff: time.Minute, ExitCodes: []int{254},
					Stderr: []string{"Throttling"}, Timeouts: true,
				},
				Matrix: engine.PlanMatrix{Axes: map[string][]string{"region": {"eu-west-1", "us-east-1"}}, MaxConcurrency: 1},
			},
		},
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	back, err := engine.ParsePlan(data)
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, p, back)
	command, err := engine.ParseCommand(data) // it is a command, too
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, p, command)
}

// Whatever is wrong is told at once, with where it stands: in the text, and in the graph.
func TestParsePlan_TellsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	const text = `{"strategy": {"type": "chaotic", "dependencies": {"9": [0], "1": [77]}},
 "halt": {"percent": -1},
 "commands": [
  {"name": "a", "type": "shell", "command": "true", "retries": 3, "timeout_ms": "soon", "depends_on": ["nobody"]},
  {"name": "a", "command": {"type": "exec"}, "env": {}, "env": {}},
  {"name": "b", "comand": {}},
  {"name": "x", "type": "exec", "program": "true", "depends_on": ["z"], "limits": {"cpus": "many"}},
  {"name": "y", "type": "exec", "depends_on": ["x"]},
  {"name": "z", "type": "exec", "program": "true", "args": "no", "depends_on": ["y", "a", 99]},
  {"name": "n", "type": "exec", "program": "${matrix.r}", "matrix": {"axes": {"q": ["1"]}}, "when": [{"command": "x", "status": ["happy"]}]}
 ], "extra": 1}`
	_, err := engine.ParsePlan([]byte(text))
	want := `line 1, column 23: /strategy/type: is "chaotic": must be serial, parallel or dependency_graph
line 1, column 56: /strategy/dependencies/9: is no command: they have the indexes 0 to 6
line 1, column 67: /strategy/dependencies/1/0: is 77: commands have the indexes 0 to 6
line 2, column 22: /halt/percent: is -1: must be a whole number above 0; leave it out for the default
line 4, column 64: /commands/0/retries: invalid command: shell: retries does not belong to it, which has type, command, shell
line 4, column 81: /commands/0/timeout_ms: is not a whole number, but a JSON string
line 4, column 104: /commands/0/depends_on/0: is "nobody": there is no such command; by index they are 0 to 6
line 5, column 12: /commands/1/name: is "a", which is the name of command 0 already
line 5, column 28: /commands/1/command: invalid command: exec: program is missing
line 5, column 53: /commands/1/env: is there twice
line 6, column 27: /commands/2/comand: is not known: a command of a plan has continue_on_error, depends_on, matrix, name, retry, when, and the fields of a request
line 7, column 3: /commands/3: waits for itself: x → z → y → x
line 7, column 83: /commands/3/limits: cpus is not a number, but a JSON string
line 8, column 3: /commands/4/program: invalid command: exec: program is missing
line 9, column 60: /commands/5/args: invalid command: exec: args is not a list of strings
line 9, column 91: /commands/5/depends_on/2: is "99": there is no such command; by index they are 0 to 6
line 10, column 3: /commands/6: has ${matrix.r}, and its matrix has no such axis
line 10, column 130: /commands/6/when/0/status/0: is "happy": must be completed, failed, timeout, cancelled, rejected, skipped or passed
line 11, column 14: /extra: is not known: it is one of $schema, commands, description, halt, id, lock, metadata, strategy, timeout_ms, type
`
	if d := cmp.Diff(want, faultsOf(t, err)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A fault that only follows from another is not told.
func TestParsePlan_TellsNoFaultThatFollowsFromAnother(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"a command that is none, to which another refers", `{"commands":[7,{"type":"exec","program":"a","depends_on":["b"]}]}`, "/commands/0: is not an object"},
		{"a name that is none", `{"commands":[{"name":7,"type":"exec","program":"a"},{"type":"exec","program":"b","depends_on":["a"]}]}`, "/commands/0/name: is not a string"},
		{"commands that are none", `{"commands":{}}`, "/commands: is not a list"},
		{"a strategy that is none", `{"strategy":"serial","commands":[{"name":"a","type":"exec","program":"a","depends_on":[]},{"type":"exec","program":"b","depends_on":["a"]}]}`, `/strategy: is not an object, such as {"type": "serial"}`},
		{
			"a matrix that is none, to whose cell another refers",
			`{"commands":[{"name":"a","type":"exec","program":"${matrix.x}","matrix":{"axes":7}},{"type":"exec","program":"b","depends_on":["a[1]"]}]}`,
			"/commands/0/matrix/axes: is not an object of lists of strings",
		},
		{
			"two of one name, for which one of them waits",
			`{"commands":[{"name":"a","type":"exec","program":"a","depends_on":["b"]},{"name":"a","type":"exec","program":"a"},{"name":"b","type":"exec","program":"b","depends_on":["a"]}]}`,
			`/commands/1/name: is "a", which is the name of command 0 already`,
		},
		{
			"attempts that are none", `{"commands":[{"type":"exec","program":"a","retry":{"attempts":"often"}}]}`,
			`/commands/0/retry/attempts: is "often": must be a whole number above 0; leave it out for the default`,
		},
		{
			"a state that is none", `{"commands":[{"type":"exec","program":"a"},{"type":"exec","program":"a","when":[{"command":0,"status":"failed"}]}]}`,
			"/commands/1/when/0/status: is not a list of states",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := engine.ParsePlan([]byte(tt.text))
			_, got, _ := strings.Cut(faultsOf(t, err), ": ") // behind the place
			if d := cmp.Diff(tt.want+"\n", got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func faultsOf(t *testing.T, err error) string {
	t.Helper()
	p, ok := errors.AsType[*engine.PlanError](err)
	if !ok || !errors.Is(err, engine.ErrInvalid) {
		t.Fatalf("want a PlanError, got %v", err)
	}
	var b strings.Builder
	for _, f := range p.Faults {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}

func TestParsePlan_RefusesWhatIsNoPlan(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"no JSON", "{\"commands\": [\n  }", "line 2, column 3: invalid character"},
		{"half of one", `{"commands": [`, "the JSON ends too early"},
		{"two", `{"commands": []} {}`, "there is more behind the plan"},
		{"a list", `[]`, "is not an object"},
		{"deep", strings.Repeat("[", 100), "it nests too deep"},
		{"none", `{"commands": []}`, "/commands: are none"},
		{"another type", `{"type":"shell","commands": [` + echo + `]}`, `/type: is "shell"`},
		{"a strategy of no type", `{"strategy":{},"commands":[` + echo + `]}`, "/strategy: has no type"},
		{"twice", `{"commands":[` + echo + `],"commands":[]}`, "/commands: is there twice"},
		{"no concurrency", `{"strategy":{"type":"parallel","max_concurrency":0},"commands":[` + echo + `]}`, "/strategy/max_concurrency: is 0: must be"},
		{"a strategy of its own", `{"strategy":{"type":"round_robin"},"commands":[` + echo + `]}`, `/strategy/type: is "round_robin": must be serial, parallel or dependency_graph`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := engine.ParsePlan([]byte(tt.text))
			if got := faultsOf(t, err); !strings.Contains(got, tt.want) {
				t.Errorf("want %q in:\n%s", tt.want, got)
			}
		})
	}
}

const echo = `{"type":"exec","program":"echo"}`

func TestPlan_CheckFindsWhatCannotRun(t *testing.T) {
	t.Parallel()
	run := engine.Request{Command: engine.Exec("true")}
	named := func(name string, deps ...string) engine.PlanCommand {
		return engine.PlanCommand{Name: name, Request: run, DependsOn: deps}
	}
	graph := func(commands ...engine.PlanCommand) engine.Plan {
		return engine.Plan{Strategy: engine.PlanStrategy{Type: engine.GraphPlan}, Commands: commands}
	}
	many := make([]string, 400)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	big := engine.PlanCommand{Request: run}
	big.Matrix.Axes = map[string][]string{"a": many, "b": many[:200]}
	huge := named("m")
	huge.Matrix.Axes = map[string][]string{"a": many, "b": many}
	whens := func(c engine.PlanCondition) engine.PlanCommand {
		return engine.PlanCommand{Request: run, When: []engine.PlanCondition{c}}
	}
	indexed := graph(named("a"), named("b"))
	indexed.Strategy.Dependencies = map[int][]int{2: {0}, 1: {7}}
	for _, tt := range []struct {
		name string
		plan engine.Plan
		want string
	}{
		{"a cycle", graph(named("x", "z"), named("y", "x"), named("z", "y")), "/commands/0: waits for itself: x → z → y → x"},
		{"itself", graph(named("x", "x")), "/commands/0: waits for itself: x → x"},
		{"an unknown dependency", graph(named("x", "nobody")), `/commands/0/depends_on/0: is "nobody": there is no such command`},
		{"an index out of range", indexed, "/strategy/dependencies/1/0: is 7: commands have the indexes 0 to 1"},
		{"an index that is none", indexed, "/strategy/dependencies/2: is no command"},
		{"a name twice", graph(named("x"), named("x")), `/commands/1/name: is "x", which is the name of command 0 already`},
		{"a name that is an index", graph(named("12")), "digits alone are an index"},
		{"an odd name", graph(named("a b")), `/commands/0/name: is "a b"`},
		{"an explosion", graph(huge), "/commands/0/matrix: spells out 160000 commands: a plan has at most 100000"},
		{"an explosion of all together", graph(big, big), "/commands: are more than 100000 with every matrix spelled out"},
		{"a plan in it", graph(engine.PlanCommand{Request: engine.Request{Command: graph(named("x"))}}), "plans do not nest"},
		{"no command", graph(engine.PlanCommand{}), "/commands/0/command: is missing"},
		{"a dependency where there is none", engine.Plan{Strategy: engine.PlanStrategy{Type: engine.SerialPlan}, Commands: []engine.PlanCommand{named("a"), named("b", "a")}}, "/commands/1/depends_on: is for the strategy dependency_graph"},
		{"a condition on what comes later", engine.Plan{Commands: []engine.PlanCommand{whens(engine.PlanCondition{Command: "1", ExitCodes: []int{1}}), named("b")}}, "which does not stand before it"},
		{"a condition on a state that is none", graph(whens(engine.PlanCondition{Command: "b", Status: []engine.PlanState{"happy"}}), named("b")), `/commands/0/when/0/status/0: is "happy"`},
		{"a condition on nothing", graph(whens(engine.PlanCondition{Command: "b"}), named("b")), "has neither a status nor exit codes"},
		{"a retry without a number", graph(engine.PlanCommand{Request: run, Retry: engine.PlanRetry{ExitCodes: []int{1}}}), "/commands/0/retry: has no attempts"},
		{"a pattern that is none", graph(engine.PlanCommand{Request: run, Retry: engine.PlanRetry{Attempts: 2, Stderr: []string{"("}}}), "/commands/0/retry/stderr/0: is no regular expression"},
		{"an axis that is none", graph(engine.PlanCommand{Request: engine.Request{Command: engine.Exec("echo", "${matrix.reg}")}}), "has ${matrix.reg}, and its matrix has no such axis"},
		{"an axis without values", graph(engine.PlanCommand{Request: run, Matrix: engine.PlanMatrix{Axes: map[string][]string{"a": nil}}}), "/commands/0/matrix/axes/a: has no values"},
		{"a value twice", graph(engine.PlanCommand{Request: run, Matrix: engine.PlanMatrix{Axes: map[string][]string{"a": {"x", "x"}}}}), `has "x" twice`},
		{"an id", graph(engine.PlanCommand{Request: engine.Request{ID: engine.ID{1}, Command: engine.Exec("true")}}), "/commands/0/id: is given"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := faultsOf(t, tt.plan.Check()); !strings.Contains(got, tt.want) {
				t.Errorf("want %q in:\n%s", tt.want, got)
			}
		})
	}
}

func FuzzParsePlan(f *testing.F) {
	f.Add([]byte(`{"commands":[` + echo + `]}`))
	f.Add([]byte(`{"strategy":{"type":"dependency_graph","dependencies":{"1":[0]}},"commands":[` + echo + `,` + echo + `]}`))
	f.Add([]byte(`{"commands":[{"type":"exec","program":"${matrix.a}","matrix":{"axes":{"a":["x","y"]}},"when":[{"command":0}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := engine.ParsePlan(data)
		if err != nil {
			faultsOf(t, err)
			return
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		back, err := engine.ParsePlan(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		sameJSON(t, p, back)
	})
}

// A graph of ten thousand commands, each of which waits for the one before and for the first.
func BenchmarkPlan_CheckTenThousand(b *testing.B) {
	p := engine.Plan{Strategy: engine.PlanStrategy{Type: engine.GraphPlan, Dependencies: map[int][]int{}}}
	for i := range 10_000 {
		p.Commands = append(p.Commands, engine.PlanCommand{Request: engine.Request{Command: engine.Exec("true")}})
		if i > 0 {
			p.Strategy.Dependencies[i] = []int{i - 1, 0}
		}
	}
	for b.Loop() {
		if err := p.Check(); err != nil {
			b.Fatal(err)
		}
	}
}

// A dry run: what would run, in which order, with what is secret masked.
func TestPlan_StepsAreADryRun(t *testing.T) {
	t.Parallel()
	p, err := engine.ParsePlan([]byte(`{"commands": [
		{"name": "report", "type": "exec", "program": "report", "depends_on": ["scan", 2]},
		{"name": "scan", "type": "exec", "program": "scan", "args": ["${matrix.account}/${matrix.region}"],
		 "matrix": {"axes": {"region": ["eu", "us"], "account": ["dev", "prod"]}}},
		{"type": "exec", "program": "login", "args": ["s3cr3t-password"], "secrets": ["s3cr3t-password"]}
	]}`))
	if err != nil {
		t.Fatal(err)
	}
	steps, err := p.Steps()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range steps {
		slices.Sort(s.After)
		got = append(got, fmt.Sprintf("%d %d %s: %s %v", s.Wave, s.OfPlan, s.Name, s.Command, s.After))
	}
	want := []string{
		"0 1 scan[dev,eu]: scan dev/eu []",
		"0 1 scan[dev,us]: scan dev/us []",
		"0 1 scan[prod,eu]: scan prod/eu []",
		"0 1 scan[prod,us]: scan prod/us []",
		"0 2 command-2: login [REDACTED] []",
		"1 0 report: report [command-2 scan]",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
