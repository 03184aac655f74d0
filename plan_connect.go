package engine

import (
	"fmt"
	"slices"

	"github.com/escher-dbai/cloudops-engine/internal/plan"
)

// connect makes the nodes of the plan, and what waits for what.
func (r *resolver) connect() {
	s := &r.out.spec
	s.Nodes = make([]plan.Node, len(r.out.commands))
	for i := range r.plan.Commands {
		group := r.group(i)
		for n := r.ranges[i].from; n < r.ranges[i].to; n++ {
			c := &r.plan.Commands[i]
			s.Nodes[n] = plan.Node{Continue: c.ContinueOnError, Group: group, Retry: plan.Retry{
				Attempts: c.Retry.Attempts, Codes: c.Retry.ExitCodes, Matching: len(c.Retry.Stderr) > 0, Timeouts: c.Retry.Timeouts,
			}}
		}
	}
	for i := range r.plan.Commands {
		r.conditions(i)
		r.dependencies(i)
		if r.kind == SerialPlan && i > 0 {
			r.after(i, r.all(i-1, false))
		}
	}
	r.listed()
}

// group is that of the cells of a command, which have a bound of their own; 0: none.
func (r *resolver) group(i int) int {
	limit := r.plan.Commands[i].Matrix.MaxConcurrency
	if r.kind == SerialPlan {
		limit = max(limit, 1) // one at a time, unless it says otherwise
	}
	if limit == 0 || r.ranges[i].to-r.ranges[i].from <= limit {
		return 0
	}
	r.out.spec.Groups = append(r.out.spec.Groups, limit)
	return len(r.out.spec.Groups)
}

// dependencies are those that the command names.
func (r *resolver) dependencies(i int) {
	for n, ref := range r.plan.Commands[i].DependsOn {
		before, cells, found := r.find(ref)
		switch found {
		case isThere:
			r.needs(i, before, cells)
		case isNowhere:
			r.unknown(fmt.Sprintf("%s/depends_on/%d", commandPath(i), n), ref)
		case isUnclear:
		}
	}
}

// listed are the dependencies that the strategy has by index.
func (r *resolver) listed() {
	deps := r.plan.Strategy.Dependencies
	for _, i := range sortedInts(deps) {
		if i < 0 || i >= len(r.ranges) {
			r.add(fmt.Sprintf("/strategy/dependencies/%d", i), "is no command: they have the indexes 0 to %d", len(r.ranges)-1)
			continue
		}
		for n, before := range deps[i] {
			if before < 0 || before >= len(r.ranges) {
				r.add(fmt.Sprintf("/strategy/dependencies/%d/%d", i, n), "is %d: commands have the indexes 0 to %d", before, len(r.ranges)-1)
				continue
			}
			r.needs(i, before, r.ranges[before])
		}
	}
}

func sortedInts(m map[int][]int) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (r *resolver) unknown(path, ref string) {
	r.add(path, "is %q: there is no such command; by index they are 0 to %d", clip(ref, 120), len(r.ranges)-1)
}

// needs has all cells of a command need cells of another, unless a condition of it says
// how those have to end.
func (r *resolver) needs(i, before int, cells cellRange) {
	if r.judged[[2]int{i, before}] {
		return
	}
	node := cells.from
	if whole := r.ranges[before]; cells == whole {
		node = r.all(before, true)
	}
	for n := r.ranges[i].from; n < r.ranges[i].to; n++ {
		s := &r.out.spec.Nodes[n] // twice is no harm
		s.Needs = append(s.Needs, node)
	}
}

// all is a node that is over when all cells of a command are: well, where it needs them.
func (r *resolver) all(i int, need bool) int {
	cells := r.ranges[i]
	if cells.to-cells.from == 1 {
		return cells.from
	}
	key := 2 * i
	if need {
		key++
	}
	if node, ok := r.joins[key]; ok {
		return node
	}
	join := plan.Node{Join: true}
	for n := cells.from; n < cells.to; n++ {
		if need {
			join.Needs = append(join.Needs, n)
		} else {
			join.After = append(join.After, n)
		}
	}
	r.joins[key] = r.join(join)
	return r.joins[key]
}

// join adds a node that runs nothing.
func (r *resolver) join(n plan.Node) int {
	r.out.spec.Nodes = append(r.out.spec.Nodes, n)
	return len(r.out.spec.Nodes) - 1
}

// after has all cells of a command come after a node.
func (r *resolver) after(i, node int) {
	for n := r.ranges[i].from; n < r.ranges[i].to; n++ {
		s := &r.out.spec.Nodes[n]
		s.After = append(s.After, node)
	}
}

// conditions are those under which a command runs.
func (r *resolver) conditions(i int) {
	for n, c := range r.plan.Commands[i].When {
		path := fmt.Sprintf("%s/when/%d", commandPath(i), n)
		before, cells, found := r.find(c.Command)
		switch {
		case found == isNowhere:
			r.unknown(path+"/command", c.Command)
			continue
		case found == isUnclear:
			continue
		case r.kind == SerialPlan && before >= i:
			r.add(path+"/command", "is %q, which does not stand before it in a serial plan", clip(c.Command, 120))
			continue
		case before == i:
			r.add(path+"/command", "is the command itself")
			continue
		}
		outcomes, ok := r.outcomes(path, &c)
		if !ok {
			continue
		}
		r.judged[[2]int{i, before}] = true
		r.condition(i, cells, plan.Condition{Outcomes: outcomes, Codes: c.ExitCodes})
	}
}

// condition has all cells of a command wait for cells of another, and run where all of
// these ended so.
func (r *resolver) condition(i int, cells cellRange, c plan.Condition) {
	c.Node = cells.from
	if cells.to-cells.from > 1 {
		join := plan.Node{Join: true}
		for n := cells.from; n < cells.to; n++ {
			join.After = append(join.After, n)
			join.When = append(join.When, plan.Condition{Node: n, Outcomes: c.Outcomes, Codes: c.Codes})
		}
		c = plan.Condition{Node: r.join(join), Outcomes: plan.Of(plan.Completed)}
	}
	r.after(i, c.Node)
	for n := r.ranges[i].from; n < r.ranges[i].to; n++ {
		s := &r.out.spec.Nodes[n]
		s.When = append(s.When, c)
	}
}

// outcomes are what a condition asks for.
func (r *resolver) outcomes(path string, c *PlanCondition) (set plan.Outcomes, ok bool) {
	if len(c.Status) == 0 {
		if len(c.ExitCodes) == 0 && !r.spoilt.at(path) {
			r.add(path, "has neither a status nor exit codes")
		}
		return plan.Of(plan.Completed, plan.Failed), len(c.ExitCodes) > 0
	}
	names := outcomes()
	for n, s := range c.Status {
		i := slices.Index(names, s)
		if i <= 0 || plan.Outcome(i) == plan.Lost {
			r.add(fmt.Sprintf("%s/status/%d", path, n), "is %q: must be completed, failed, timeout, cancelled, rejected, skipped or passed", clip(string(s), 40))
			return 0, false
		}
		set |= plan.Of(plan.Outcome(i))
	}
	return set, true
}
