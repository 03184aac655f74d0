package engine_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	engine "github.com/escher-dbai/cloudops-engine"
)

// schemaOfPlans is the schema, which is one.
func schemaOfPlans(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(engine.PlanSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("plan.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("plan.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fits returns what a schema says of a text.
func fits(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

func TestPlanSchema_FitsTheExamples(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("examples/plans/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%v: there are no examples", err)
	}
	s := schemaOfPlans(t)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := fits(t, s, text); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := engine.ParsePlan(text); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if !bytes.Contains(text, []byte(`"$schema": "../../schema/plan.schema.json"`)) {
			t.Errorf("%s does not name its schema", path)
		}
	}
}

// definition is a part of the schema.
type definition struct {
	Properties    map[string]json.RawMessage `json:"properties"`
	PropertyNames struct {
		Not struct {
			Enum []string `json:"enum"`
		} `json:"not"`
	} `json:"propertyNames"`
	AdditionalProperties any                   `json:"additionalProperties"`
	Definitions          map[string]definition `json:"definitions"`
}

// known are the fields that the parser says it knows, where it meets one that it does not.
func known(t *testing.T, text, behind, before string) []string {
	t.Helper()
	_, err := engine.ParsePlan([]byte(text))
	faults := faultsOf(t, err)
	_, list, ok := strings.Cut(faults, behind)
	if !ok {
		t.Fatalf("%s: want a fault with %q, got:\n%s", text, behind, faults)
	}
	list, _, _ = strings.Cut(list, before)
	return strings.Split(list, ", ")
}

// What the schema has is what the parser reads, at every place, and nothing else.
func TestPlanSchema_HasTheFieldsOfTheParser(t *testing.T) {
	t.Parallel()
	var schema definition
	if err := json.Unmarshal(engine.PlanSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	same := func(what string, parser []string, of definition) {
		t.Helper()
		fields := slices.Sorted(maps.Keys(of.Properties))
		if d := cmp.Diff(slices.Sorted(slices.Values(parser)), fields); d != "" || of.AdditionalProperties != false {
			t.Errorf("%s: additional properties are %v, fields (-parser +schema):\n%s", what, of.AdditionalProperties, d)
		}
	}
	const in = "it is one of "
	same("a plan", known(t, `{"?":0}`, in, "\n"), schema)
	for name, text := range map[string]string{
		"strategy": `{"strategy":{"?":0}}`, "halt": `{"halt":{"?":0}}`, "retry": `{"commands":[{"retry":{"?":0}}]}`,
		"matrix": `{"commands":[{"matrix":{"?":0}}]}`, "condition": `{"commands":[{"when":[{"?":0}]}]}`,
	} {
		same(name, known(t, text, in, "\n"), schema.Definitions[name])
	}
	requests := engine.RequestFields()
	for _, name := range []string{"limits", "actor", "metadata", "trace", "terminal"} {
		same(name, requests[name], schema.Definitions[name])
	}

	ofCommands := map[string]bool{}
	for _, kind := range engine.CommandTypes() {
		if kind == engine.CommandTypePlan {
			continue
		}
		for _, field := range known(t, `{"commands":[{"type":"`+string(kind)+`","?":0}]}`, "which has ", "\n") {
			ofCommands[field] = true
		}
	}
	same("command", slices.Collect(maps.Keys(ofCommands)), schema.Definitions["command"])
	delete(ofCommands, "name") // that is the one of the plan
	own := known(t, `{"commands":[{"?":0}]}`, "a command of a plan has ", ", and the fields")
	request := slices.DeleteFunc(requests["request"], func(f string) bool { return f == "id" || f == "command" })
	same("plan_command", slices.Concat(own, request, slices.Collect(maps.Keys(ofCommands))), schema.Definitions["plan_command"])

	for _, kind := range engine.CommandTypes() {
		if kind == engine.CommandTypePlan {
			continue
		}
		not := maps.Clone(ofCommands)
		for _, field := range known(t, `{"commands":[{"type":"`+string(kind)+`","?":0}]}`, "which has ", "\n") {
			delete(not, field)
		}
		got := slices.Sorted(slices.Values(schema.Definitions[string(kind)].PropertyNames.Not.Enum))
		if d := cmp.Diff(slices.Sorted(maps.Keys(not)), got); d != "" {
			t.Errorf("what %s has not (-parser +schema):\n%s", kind, d)
		}
	}
}

// The schema and the parser say the same of what both can know.
func TestPlanSchema_SaysWhatTheParserSays(t *testing.T) {
	t.Parallel()
	s := schemaOfPlans(t)
	const run = `"type":"exec","program":"true"`
	command := func(fields string) string { return `{"commands":[{` + run + `,` + fields + `}]}` }
	for _, tt := range []struct {
		text string
		well bool
	}{
		{`{"commands":[{` + run + `}]}`, true},
		{`{"commands":[{"command":{` + run + `}}]}`, true},
		{`{"commands":[{"type":"shell","command":"ls"}]}`, true},
		{`{"commands":[{"command":{"type":"shell","command":"ls","shell":"sh"},"env":{"A":"b"}}]}`, true},
		{`{"commands":[{"type":"script","path":"a.sh"}]}`, true},
		{`{"commands":[{"command":{"type":"script","content":"x","name":"a.py"}}]}`, true},
		{command(`"name":"a.b-c_1","retry":{"attempts":3,"stderr":["x"]},"matrix":{"axes":{"a":["1"]},"max_concurrency":1}`), true},
		{command(`"when":[{"command":0,"status":["failed"]}]`), false}, // itself: for the parser alone, see below
		{command(`"limits":{"cpus":0.5,"memory_bytes":4194304},"success_codes":[0,2],"terminal":{"rows":24,"cols":80}`), true},
		{`{"$schema":"x","type":"plan","id":"0199f3c4-0000-7000-8000-000000000001","strategy":{"type":"serial","stop_on_error":false},` +
			`"halt":{"percent":5,"mode":"now"},"timeout_ms":1,"lock":"l","metadata":{"tags":{"a":"b"}},"commands":[{` + run + `}]}`, true},
		{`{"strategy":{"type":"dependency_graph","dependencies":{"1":[0]},"max_concurrency":2},"commands":[{` + run + `},{` + run + `}]}`, true},
		{`[]`, false},
		{`{}`, false},
		{`{"commands":[]}`, false},
		{`{"commands":[{}]}`, false},
		{`{"commands":[{` + run + `}],"extra":1}`, false},
		{`{"commands":[{` + run + `}],"strategy":{}}`, false},
		{`{"commands":[{` + run + `}],"strategy":{"type":"chaotic"}}`, false},
		{`{"commands":[{` + run + `}],"strategy":{"type":"parallel","max_concurrency":0}}`, false},
		{`{"commands":[{` + run + `}],"strategy":{"type":"parallel","stop_on_error":false}}`, false},
		{`{"commands":[{` + run + `}],"strategy":{"type":"serial","dependencies":{"0":[]}}}`, false},
		{`{"commands":[{` + run + `}],"halt":{"mode":"later"}}`, false},
		{`{"commands":[{` + run + `}],"halt":{"percent":101}}`, false},
		{`{"commands":[{` + run + `}],"timeout_ms":0}`, false},
		{`{"commands":[{"type":"exec"}]}`, false},
		{`{"commands":[{"type":"plan"}]}`, false},
		{`{"commands":[{"type":"exec","program":"true","command":{}}]}`, false},
		{`{"commands":[{"program":"true"}]}`, false},
		{`{"commands":[{"command":"ls"}]}`, false},
		{`{"commands":[{"command":{` + run + `,"shell":"sh"}}]}`, false},
		{`{"commands":[{"command":{` + run + `,"name":"x"}}]}`, false},
		{`{"commands":[{"type":"script"}]}`, false},
		{`{"commands":[{"type":"script","path":"a","content":"b"}]}`, false},
		{command(`"region":"eu"`), false},
		{command(`"name":"7"`), false},
		{command(`"name":"a b"`), false},
		{command(`"args":"x"`), false},
		{command(`"timeout_ms":"soon"`), false},
		{command(`"limits":{"cpu":1}`), false},
		{command(`"id":"0199f3c4-0000-7000-8000-000000000001"`), false},
		{command(`"depends_on":"a"`), false},
		{command(`"when":[{"command":"x"}]`), false},
		{command(`"when":[{"command":"x","status":["happy"]}]`), false},
		{command(`"retry":{"exit_codes":[1]}`), false},
		{command(`"retry":{"attempts":101}`), false},
		{command(`"matrix":{"axes":{"a":[]}}`), false},
		{command(`"matrix":{"axes":{"a":["x","x"]}}`), false},
		{command(`"matrix":{"max_concurrency":1}`), false},
	} {
		_, parsed := engine.ParsePlan([]byte(tt.text))
		if (parsed == nil) != tt.well {
			t.Errorf("%s: want it well: %t, the parser says %v", tt.text, tt.well, parsed)
		}
		schema := fits(t, s, []byte(tt.text))
		if onlyParser := strings.Contains(tt.text, `"when":[{"command":0,`); (schema == nil) != (tt.well || onlyParser) {
			t.Errorf("%s: want it well: %t, the schema says %v", tt.text, tt.well, schema)
		}
	}
	for _, text := range []string{
		`{"commands":[{` + run + `,"timeout_ms":"${var.limit}","continue_on_error":"${var.go_on}","name":"${var.x}-1"}]}`,
	} { // with values to be filled in
		if err := fits(t, s, []byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}
