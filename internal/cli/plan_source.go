package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	engine "github.com/escher-dbai/cloudops-engine"
)

// maxPlanBytes bounds a plan as it is written.
const maxPlanBytes = 32 << 20

// place is where something stands in a text, counted from 1. The zero one is nowhere.
type place struct{ line, column int }

func (p place) String() string { return fmt.Sprintf("%d:%d", p.line, p.column) }

// planSource is a plan as somebody wrote it, so that its faults can be told with their places.
type planSource struct {
	name string
	vars planVars
	at   map[string]place // of YAML: where a path stands
	// edits are where JSON was changed, which moved what stands behind them.
	edits []planEdit
}

// planEdit is a value in place of ${var.NAME}: how many bytes longer it is.
type planEdit struct {
	place

	longer int
}

// readPlan reads a plan from a file, or from in where path is "-": JSON where it begins with a
// brace, else YAML. Every fault is reported at once.
func readPlan(path string, in io.Reader, vars map[string]string) (engine.Plan, *planSource, error) {
	s := &planSource{name: path, vars: planVars{values: vars, used: map[string]bool{}}, at: map[string]place{}}
	if path == "-" {
		s.name = "stdin"
	} else {
		f, err := os.Open(path)
		if err != nil {
			return engine.Plan{}, s, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxPlanBytes+1))
	switch {
	case err != nil:
		return engine.Plan{}, s, err
	case len(data) > maxPlanBytes:
		return engine.Plan{}, s, fmt.Errorf("%s has more than %d bytes", s.name, maxPlanBytes)
	}
	p, err := s.parse(data)
	return p, s, err
}

func (s *planSource) parse(data []byte) (engine.Plan, error) {
	var faults error
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		data = s.fillJSON(data)
	} else {
		data, faults = s.readYAML(data)
	}
	faults = errors.Join(faults, errors.Join(s.vars.faults...), s.vars.unused())
	if faults != nil {
		return engine.Plan{}, faults
	}
	p, err := engine.ParsePlan(data)
	return p, s.placed(err)
}

// placed tells the faults of a plan one by one, each with where it stands.
func (s *planSource) placed(err error) error {
	wrong, ok := errors.AsType[*engine.PlanError](err)
	switch {
	case !ok && errors.Is(err, engine.ErrInvalid): // a daemon tells it in words
		return exitWith(exitOurs, err)
	case !ok:
		return err
	}
	faults := make([]error, 0, len(wrong.Faults))
	for _, f := range wrong.Faults {
		about := s.name
		if at := s.placeOf(&f); at != (place{}) {
			about += ":" + at.String()
		}
		if f.Path != "" {
			about += ": " + f.Path
		}
		faults = append(faults, fmt.Errorf("%s: %w", about, f.Err))
	}
	return exitWith(exitOurs, errors.Join(faults...))
}

// placeOf is where a fault stands, or what it is in.
func (s *planSource) placeOf(f *engine.PlanFault) place {
	if len(s.at) == 0 {
		return s.written(place{f.Line, f.Column})
	}
	for path := f.Path; path != ""; path = path[:strings.LastIndexByte(path, '/')] {
		if at, ok := s.at[path]; ok {
			return at
		}
	}
	return s.at[""]
}

// written is where something stood in the JSON before it was filled in.
func (s *planSource) written(at place) place {
	moved := 0
	for _, e := range s.edits {
		if e.line == at.line && at.column > e.column+moved {
			moved += e.longer
		}
	}
	at.column -= moved
	return at
}

// planVariable is what a value of --var takes the place of.
var planVariable = regexp.MustCompile(`\$\{var\.([^}]*)\}`)

// planVars are the values that somebody gave.
type planVars struct {
	values map[string]string
	used   map[string]bool
	faults []error
}

// value is that of a variable. One without is a fault.
func (v *planVars) value(name string, where func() string) string {
	value, ok := v.values[name]
	if !ok && !v.used[name] { // one that is missing is told once
		err := fmt.Errorf("%s: ${var.%s} has no value", where(), clip(name))
		v.faults = append(v.faults, engine.Advise(err, "--var %s=VALUE gives it one", clip(name)))
	}
	v.used[name] = true
	return value
}

// unused is an error for values that the plan does not ask for.
func (v *planVars) unused() error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(v.values)) {
		if v.used[name] {
			continue
		}
		err := fmt.Errorf("--var %s: there is no ${var.%s} in the plan", clip(name), clip(name))
		asked := slices.Sorted(maps.Keys(v.used))
		if near := nearest(name, asked); near != "" {
			err = engine.Advise(err, "did you mean %s?", near)
		} else if len(asked) > 0 {
			err = engine.Advise(err, "it asks for %s", strings.Join(asked, ", "))
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// fill puts values into a text that stands somewhere.
func (v *planVars) fill(text string, where func() string) string {
	return planVariable.ReplaceAllStringFunc(text, func(found string) string {
		return v.value(planVariable.FindStringSubmatch(found)[1], where)
	})
}

// isScalar reports whether a text is a number, true, false or null in JSON.
func isScalar(text string) bool {
	return text != "" && !strings.ContainsAny(text[:1], "{[\" \t\r\n") && json.Valid([]byte(text))
}

// fillJSON puts values into JSON: into strings as text, elsewhere as they are where they are a
// number, true, false or null. Nothing else is let in, so that no value can add to the plan.
func (s *planSource) fillJSON(data []byte) []byte {
	var out bytes.Buffer
	at, inString, copied, line, begins := 0, false, 0, 1, 0
	for _, found := range planVariable.FindAllSubmatchIndex(data, -1) {
		for ; at < found[0]; at++ {
			switch c := data[at]; {
			case c == '\\' && inString:
				at++
			case c == '"':
				inString = !inString
			case c == '\n':
				line, begins = line+1, at+1
			}
		}
		here := place{line, found[0] - begins + 1}
		value := s.vars.value(string(data[found[2]:found[3]]), func() string { return s.name + ":" + here.String() })
		quoted, _ := json.Marshal(value) //nolint:errchkjson // a string
		switch {
		case inString:
			value = string(quoted[1 : len(quoted)-1])
		case !isScalar(value):
			value = string(quoted)
		}
		out.Write(data[copied:found[0]])
		out.WriteString(value)
		s.edits = append(s.edits, planEdit{here, len(value) - (found[1] - found[0])})
		at, copied = found[1], found[1]
	}
	out.Write(data[copied:])
	return out.Bytes()
}
