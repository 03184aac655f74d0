package engine

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/escher-dbai/cloudops-engine/internal/plan"
)

// expand spells every matrix out.
func (r *resolver) expand() {
	total := 0
	r.out.commands = make([]resolvedCommand, 0, len(r.plan.Commands))
	for i := range r.plan.Commands {
		r.checkCommand(i)
		axes, ok := r.axes(i)
		if n := plan.Size(axes); n <= MaxPlanCommands { // else it is a fault of its own
			total = min(total, MaxPlanCommands) + n
		}
		from := len(r.out.commands)
		if !ok || total > MaxPlanCommands || !r.expandCommand(i, axes) {
			r.partly[i] = true
			r.out.commands = append(r.out.commands[:from], r.whole(i)) // so that others can wait for it
		}
		r.ranges = append(r.ranges, cellRange{from, len(r.out.commands)})
	}
	if total > MaxPlanCommands {
		r.add("/commands", "are more than %d with every matrix spelled out, which is the most: make plans of parts of it", MaxPlanCommands)
	}
}

// whole is a command whose cells are not known. Its request is there where it is that of each.
func (r *resolver) whole(i int) resolvedCommand {
	c := resolvedCommand{name: r.out.names[i], of: i}
	q := &r.plan.Commands[i].Request
	if q.Command == nil {
		return c
	}
	if text, err := q.MarshalJSON(); err == nil && !strings.Contains(string(text), "${matrix.") {
		c.request = q
	}
	return c
}

// axes are those of a matrix, sorted, without what is wrong with them.
func (r *resolver) axes(i int) (axes []plan.Axis, ok bool) {
	m := &r.plan.Commands[i].Matrix
	if len(m.Axes) == 0 && m.MaxConcurrency == 0 {
		return nil, len(r.spoilt.here) == 0 || !r.spoilt.at(commandPath(i)+"/matrix")
	}
	at := commandPath(i) + "/matrix"
	before := len(r.list)
	if m.MaxConcurrency < 0 {
		r.add(at+"/max_concurrency", "is %d: must be above 0", m.MaxConcurrency)
	}
	if m.MaxConcurrency > 0 && len(m.Axes) == 0 {
		r.add(at+"/axes", "are missing")
	}
	for _, name := range sortedKeys(m.Axes) {
		values, path := m.Axes[name], at+"/axes/"+pointerWord(name)
		if !isPlanName(name) {
			r.add(path, `has the name %q: must be 1 to 100 letters, digits or ". _ -"`, clip(name, 120))
		}
		if len(values) == 0 {
			r.add(path, "has no values")
		}
		seen := make(map[string]bool, len(values))
		for _, v := range values {
			if seen[v] {
				r.add(path, "has %q twice", clip(v, 64))
			}
			if strings.ContainsFunc(v, func(c rune) bool { return c < ' ' || c == 0x7f }) {
				r.add(path, "has %q with a control character", clip(v, 64))
			}
			seen[v] = true
		}
		axes = append(axes, plan.Axis{Name: name, Values: values})
	}
	if n := plan.Size(axes); n > MaxPlanCommands {
		r.add(at, "spells out %d commands: a plan has at most %d", n, MaxPlanCommands)
	}
	return axes, len(r.list) == before && !r.spoilt.at(at+"/axes")
}

// placeholder is where a value of a matrix goes.
var placeholder = regexp.MustCompile(`\$\{matrix\.([^}"\\]*)\}`)

// expandCommand adds the cells of a command, or the one that it is. It reports whether it
// could.
func (r *resolver) expandCommand(i int, axes []plan.Axis) bool {
	c, name := &r.plan.Commands[i], r.out.names[i]
	if c.Request.Command == nil {
		return false
	}
	if len(axes) == 0 {
		c.Request.Command.check(&commandChecker{visit: func(text string) { r.placeholders(i, text, nil) }})
		r.cell(resolvedCommand{name: name, of: i, request: &c.Request})
		return true
	}
	text, err := c.Request.MarshalJSON()
	if err != nil {
		r.wrong(commandPath(i), err)
		return false
	}
	used := r.placeholders(i, string(text), axes)
	for n := range plan.Size(axes) {
		values := plan.Cell(axes, n)
		cell := resolvedCommand{name: fmt.Sprintf("%s[%s]", name, strings.Join(values, ",")), of: i, request: &c.Request}
		if used {
			request, err := inCell(string(text), axes, values)
			if err != nil {
				r.wrong(commandPath(i), fmt.Errorf("%s: %w", cell.name, err))
				return false // the others are as wrong
			}
			cell.request = &request
		}
		r.cell(cell)
	}
	return true
}

// placeholders reports whether there are any, and finds those without an axis.
func (r *resolver) placeholders(i int, text string, axes []plan.Axis) bool {
	if !strings.Contains(text, "${matrix.") {
		return false
	}
	found := placeholder.FindAllStringSubmatch(text, -1)
	known := make(map[string]bool, len(axes))
	for _, a := range axes {
		known[a.Name] = true
	}
	for _, f := range found {
		if !known[f[1]] {
			r.add(commandPath(i), "has %s, and its matrix has no such axis", clip(f[0], 120))
			known[f[1]] = true // told once
		}
	}
	return len(found) > 0
}

// inCell is a request with the values of a cell in it.
func inCell(text string, axes []plan.Axis, values []string) (Request, error) {
	pairs := make([]string, 0, 2*len(axes))
	for i, a := range axes {
		quoted, err := json.Marshal(values[i])
		if err != nil {
			return Request{}, err
		}
		pairs = append(pairs, "${matrix."+a.Name+"}", string(quoted[1:len(quoted)-1]))
	}
	return ParseRequest([]byte(strings.NewReplacer(pairs...).Replace(text)))
}

// cell adds a command that is run.
func (r *resolver) cell(c resolvedCommand) {
	if have, ok := r.cells[c.name]; ok && !r.twice[r.out.names[c.of]] {
		r.add(commandPath(c.of), "has two cells of the name %q: of command %d, too", clip(c.name, 120), r.out.commands[have].of)
	}
	c.retry = r.plan.Commands[c.of].Retry
	for _, text := range c.retry.Stderr {
		if e, err := regexp.Compile(text); err == nil { // else it is a fault already
			c.stderr = append(c.stderr, e)
		}
	}
	r.cells[c.name] = len(r.out.commands)
	r.out.commands = append(r.out.commands, c)
}

// found is what becomes of a reference.
type found int

const (
	isNowhere found = iota
	isThere
	isUnclear // it may mean what is wrong otherwise
)

// find are the cells that a reference means: the range of a command, or one of them.
func (r *resolver) find(ref string) (command int, cells cellRange, is found) {
	of, _, isCell := strings.Cut(ref, "[")
	if r.twice[of] {
		return 0, cellRange{}, isUnclear
	}
	if i, ok := r.names[ref]; ok {
		return i, r.ranges[i], isThere
	}
	if n, ok := r.cells[ref]; ok {
		return r.out.commands[n].of, cellRange{n, n + 1}, isThere
	}
	if i, ok := r.names[of]; ok && isCell && r.partly[i] {
		return i, r.ranges[i], isThere
	}
	i, err := strconv.Atoi(ref)
	switch isIndex := err == nil && strconv.Itoa(i) == ref; {
	case isIndex && i >= 0 && i < len(r.ranges):
		return i, r.ranges[i], isThere
	case !isIndex && r.spoilt.names:
		return 0, cellRange{}, isUnclear
	}
	return 0, cellRange{}, isNowhere
}
