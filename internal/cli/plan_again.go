package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	engine "github.com/escher-dbai/cloudops-engine"
)

// planAgain makes of a plan that ended the one that runs again what did not end well, and what
// depended on it.
type planAgain struct {
	plan    *engine.Plan
	results []engine.PlanCommandResult
	cells   [][]int        // by index in the plan: which results are of it, in the order of its cells
	named   map[string]int // commands of the plan, by name
	byName  map[string]int // results, by name
	again   []bool         // by result
	left    []engine.PlanCommand
}

// againOf returns the plan that runs again what failed. What ended well is not in it: who depends
// on that does not wait, and a condition on it holds as it did.
func againOf(p engine.Plan, results []engine.PlanCommandResult) (engine.Plan, error) {
	a := &planAgain{plan: &p, results: results, cells: make([][]int, len(p.Commands)), named: map[string]int{}, byName: map[string]int{}}
	for i := range results {
		r := &results[i]
		if r.OfPlan < 0 || r.OfPlan >= len(p.Commands) {
			return p, fault("cloudops plan run FILE runs all of it", "of the plan %s is not known which command is which", p.ID)
		}
		a.cells[r.OfPlan] = append(a.cells[r.OfPlan], i)
		a.byName[r.Name] = i
		a.again = append(a.again, r.State != engine.PlanState(engine.Completed) && r.State != engine.PlanPassed)
	}
	for i := range p.Commands {
		if p.Commands[i].Name == "" { // its default has the index in it, which may be another now
			p.Commands[i].Name = "command-" + strconv.Itoa(i)
		}
		a.named[p.Commands[i].Name] = i
	}
	if !slices.Contains(a.again, true) {
		return p, fault("cloudops rerun without --failed runs all of it again", "all commands of the plan ended well")
	}
	for a.spread() {
		continue
	}
	return a.rest()
}

// of are the results that a reference names: all cells of a command, or one.
func (a *planAgain) of(ref string) []int {
	if i, err := strconv.Atoi(ref); err == nil && i >= 0 && i < len(a.cells) {
		return a.cells[i]
	}
	if i, ok := a.named[ref]; ok {
		return a.cells[i]
	}
	if i, ok := a.byName[ref]; ok {
		return []int{i}
	}
	return nil
}

// needs are the results on which a command depends.
func (a *planAgain) needs(i int) (all []int) {
	c := &a.plan.Commands[i]
	for _, ref := range c.DependsOn {
		all = append(all, a.of(ref)...)
	}
	for _, when := range c.When {
		all = append(all, a.of(when.Command)...)
	}
	for _, before := range a.plan.Strategy.Dependencies[i] {
		all = append(all, a.of(strconv.Itoa(before))...)
	}
	return all
}

func (a *planAgain) isAgain(result int) bool { return a.again[result] }

// spread takes in those that depend directly on what is in, and reports whether there were some.
func (a *planAgain) spread() (more bool) {
	for i, cells := range a.cells {
		if slices.ContainsFunc(a.needs(i), a.isAgain) {
			for _, cell := range cells {
				more = more || !a.again[cell]
				a.again[cell] = true
			}
		}
	}
	return more
}

// rest is the plan of what is in.
func (a *planAgain) rest() (engine.Plan, error) {
	at := map[int]int{} // indexes in the new plan, by those in the old
	var faults []error
	for i := range a.plan.Commands {
		c, keep, err := a.command(i)
		faults = append(faults, err)
		if keep {
			at[i] = len(a.left)
			a.left = append(a.left, c)
		}
	}
	p := *a.plan
	p.ID, p.Commands = engine.ID{}, a.left
	p.Strategy.Dependencies = nil
	for _, i := range slices.Sorted(maps.Keys(a.plan.Strategy.Dependencies)) {
		for _, before := range a.plan.Strategy.Dependencies[i] {
			from, here := at[i]
			to, there := at[before]
			if here && there {
				if p.Strategy.Dependencies == nil {
					p.Strategy.Dependencies = map[int][]int{}
				}
				p.Strategy.Dependencies[from] = append(p.Strategy.Dependencies[from], to)
			}
		}
	}
	if a.plan.Strategy.Type == "" && len(a.needsAny()) > 0 {
		p.Strategy.Type = engine.GraphPlan // as it was, though nobody may depend on anybody now
	}
	if len(p.Commands) == 0 && errors.Join(faults...) == nil {
		return p, fault("cloudops rerun without --failed runs all of it again", "no command of the plan would run")
	}
	return p, errors.Join(faults...)
}

// needsAny are the dependencies that made a plan without a strategy a graph.
func (a *planAgain) needsAny() (all []string) {
	for i := range a.plan.Commands {
		all = append(all, a.plan.Commands[i].DependsOn...)
	}
	return all
}

// command is what is left of one; keep is false where that is nothing.
func (a *planAgain) command(i int) (c engine.PlanCommand, keep bool, err error) {
	c = a.plan.Commands[i]
	if !slices.ContainsFunc(a.cells[i], a.isAgain) {
		return c, false, nil
	}
	c.DependsOn = nil
	for _, ref := range a.plan.Commands[i].DependsOn {
		if slices.ContainsFunc(a.of(ref), a.isAgain) {
			c.DependsOn = append(c.DependsOn, a.name(ref))
		}
	}
	c.When = nil
	for _, when := range a.plan.Commands[i].When {
		for _, cell := range a.of(when.Command) {
			if !a.again[cell] && !holds(&when, &a.results[cell]) {
				return c, false, nil
			}
		}
		if slices.ContainsFunc(a.of(when.Command), a.isAgain) {
			when.Command = a.name(when.Command)
			c.When = append(c.When, when)
		}
	}
	c.Matrix, err = a.matrix(i)
	return c, true, err
}

// name is a reference by name, for indexes are others now.
func (a *planAgain) name(ref string) string {
	if i, err := strconv.Atoi(ref); err == nil {
		return a.plan.Commands[i].Name
	}
	return ref
}

// holds reports whether a condition holds of a command that is over.
func holds(when *engine.PlanCondition, r *engine.PlanCommandResult) bool {
	status := when.Status
	if len(status) == 0 {
		status = []engine.PlanState{engine.PlanState(engine.Completed), engine.PlanState(engine.Failed)}
	}
	return slices.Contains(status, r.State) && (len(when.ExitCodes) == 0 || slices.Contains(when.ExitCodes, r.ExitCode))
}

// matrix is that of a command with those values alone that are in. Its cells are numbered with the
// axes sorted by their names, the last turning fastest.
func (a *planAgain) matrix(i int) (engine.PlanMatrix, error) {
	m := a.plan.Commands[i].Matrix
	if len(m.Axes) == 0 {
		return m, nil
	}
	names, kept, count := slices.Sorted(maps.Keys(m.Axes)), map[string][]string{}, 0
	for number, cell := range a.cells[i] {
		if !a.again[cell] {
			continue
		}
		count++
		for _, name := range slices.Backward(names) {
			values := m.Axes[name]
			if value := values[number%len(values)]; !slices.Contains(kept[name], value) {
				kept[name] = append(kept[name], value)
			}
			number /= len(values)
		}
	}
	product := 1
	for _, values := range kept {
		product *= len(values)
	}
	if product != count {
		return m, fault("cloudops plan run FILE, with a matrix of what is left",
			"%s: %d of its cells failed, and those are no matrix: values of each axis, all combined", oneLine(a.plan.Commands[i].Name), count)
	}
	m.Axes = kept
	return m, nil
}

// lostNote says of commands that nobody knows the end of that they run again.
func lostNote(results []engine.PlanCommandResult) string {
	for i := range results {
		if results[i].State == engine.PlanState(engine.Lost) {
			return fmt.Sprintf("%s was lost, and may have run to its end", oneLine(results[i].Name))
		}
	}
	return ""
}
