package engine

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/escher-dbai/cloudops-engine/internal/plan"
)

// Check finds all that is wrong with a plan and can be told without a machine to run it
// on: a [PlanError], or nil.
func (p Plan) Check() error {
	_, faults := p.resolve()
	return p.wrong(faults)
}

// wrong is the error of faults, those of a text that was misread with where they stand in it.
func (p Plan) wrong(faults []PlanFault) error {
	if len(faults) == 0 {
		return nil
	}
	if p.place != nil {
		for i := range faults {
			faults[i].Line, faults[i].Column = p.place(faults[i].Path)
		}
		slices.SortStableFunc(faults, func(a, b PlanFault) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	}
	return &PlanError{Faults: faults}
}

// resolved is a plan with every matrix spelled out.
type resolved struct {
	commands []resolvedCommand
	names    []string // of Plan.Commands
	// spec has the commands first, by their index, and then joins.
	spec plan.Spec
}

// resolvedCommand is one that is run.
type resolvedCommand struct {
	name    string
	of      int      // its index in Plan.Commands
	request *Request // not to be changed: it may be the plan's
	retry   PlanRetry
	stderr  []*regexp.Regexp
}

// resolver makes a resolved plan, or finds what is wrong.
type resolver struct {
	planFaults

	plan   *Plan
	kind   PlanStrategyType
	spoilt spoilt // what could not be read
	out    resolved
	names  map[string]int  // of commands as they stand in the plan
	twice  map[string]bool // names that several have
	partly map[int]bool    // commands of which not every cell is there
	cells  map[string]int  // of those that are run
	ranges []cellRange     // by index in the plan
	joins  map[int]int     // who waits for all cells of a command, see all
	judged map[[2]int]bool // whether a command has a condition on another
}

// cellRange is which of the resolved commands are of one: from, up to before to.
type cellRange struct{ from, to int }

// resolve spells a plan out. Faults are those of its text, and all that is wrong besides and
// does not follow from those.
func (p Plan) resolve() (*resolved, []PlanFault) {
	n := len(p.Commands)
	r := &resolver{
		plan: &p, kind: p.strategy(), spoilt: spoiltBy(p.misread), names: make(map[string]int, n), twice: map[string]bool{},
		partly: map[int]bool{}, cells: make(map[string]int, n), joins: map[int]int{}, judged: map[[2]int]bool{},
	}
	r.checkPlan()
	r.name()
	r.expand()
	r.connect()
	r.checkCycles()
	return &r.out, slices.Concat(p.misread, r.spoilt.without(r.list))
}

// strategy is the type of the strategy, or its default.
func (p Plan) strategy() PlanStrategyType {
	if p.Strategy.Type != "" {
		return p.Strategy.Type
	}
	if len(p.Strategy.Dependencies) > 0 {
		return GraphPlan
	}
	for i := range p.Commands {
		if len(p.Commands[i].DependsOn) > 0 {
			return GraphPlan
		}
	}
	return SerialPlan
}

func (r *resolver) checkPlan() {
	p, s := r.plan, &r.plan.Strategy
	odd := r.kind != SerialPlan && r.kind != ParallelPlan && r.kind != GraphPlan
	if odd {
		r.add("/strategy/type", "is %q: must be %s, %s or %s", clip(string(r.kind), 40), SerialPlan, ParallelPlan, GraphPlan)
	}
	switch {
	case odd, r.spoilt.at("/strategy/type"):
		r.kind = GraphPlan // which takes most: what is no fault of some strategy is none of an unknown one
	case r.kind != GraphPlan && len(s.Dependencies) > 0:
		r.add("/strategy/dependencies", "are for the strategy %s; this is %s", GraphPlan, r.kind)
	case r.kind == SerialPlan && s.MaxConcurrency > 1:
		r.add("/strategy/max_concurrency", "is for the strategies %s and %s; this is %s", ParallelPlan, GraphPlan, r.kind)
	case r.kind != SerialPlan && s.NoStopOnError:
		r.add("/strategy/stop_on_error", "is for the strategy %s; this is %s, which goes on unless there is a halt", SerialPlan, r.kind)
	}
	if s.MaxConcurrency < 0 {
		r.add("/strategy/max_concurrency", "is %d: must be above 0", s.MaxConcurrency)
	}
	if h := p.Halt; h.Failures < 0 || h.Percent < 0 || h.Percent > 100 {
		r.add("/halt", "has %d failures and %d percent: must be 1 failure or more, 1 to 100 percent", h.Failures, h.Percent)
	}
	if p.Timeout < 0 {
		r.add("/timeout_ms", "is %d: must be above 0", p.Timeout.Milliseconds())
	}
	if err := checkLock(p.Lock); err != nil {
		r.wrong("/lock", err)
	}
	if len(p.Commands) == 0 {
		r.add("/commands", "are none: a plan has at least one")
	}
	r.out.spec.Concurrency = s.MaxConcurrency
	r.out.spec.Halt = plan.Halt(p.Halt)
	if r.kind == SerialPlan && p.Halt == (PlanHalt{}) && !s.NoStopOnError {
		r.out.spec.Halt.Failures = 1
	}
}

// isPlanName reports whether a text is 1 to 100 letters, digits or ". _ -".
func isPlanName(text string) bool {
	return text != "" && len(text) <= 100 && !strings.ContainsFunc(text, func(c rune) bool {
		return (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-'
	})
}

// commandName is the name of a command, or its default.
func (p Plan) commandName(i int) string {
	if name := p.Commands[i].Name; name != "" {
		return name
	}
	return "command-" + strconv.Itoa(i)
}

// name learns the names of all commands, those that are wrong as well: who refers to one
// means it.
func (r *resolver) name() {
	for i := range r.plan.Commands {
		name := r.plan.commandName(i)
		r.out.names = append(r.out.names, name)
		have, taken := r.names[name]
		switch {
		case !isPlanName(name):
			r.add(commandPath(i)+"/name", `is %q: must be 1 to 100 letters, digits or ". _ -"`, clip(name, 120))
		case strings.Trim(name, "0123456789") == "":
			r.add(commandPath(i)+"/name", "is %q: digits alone are an index", name)
		case taken:
			r.add(commandPath(i)+"/name", "is %q, which is the name of command %d already", name, have)
			r.twice[name] = true
		}
		if !taken {
			r.names[name] = i
		}
	}
}

// checkCommand checks what of a command is not its matrix nor what it refers to.
func (r *resolver) checkCommand(i int) {
	c := &r.plan.Commands[i]
	q := &c.Request
	if q.Command != nil && q.Command.Type() != CommandTypePlan && q.ID == (ID{}) && q.StdinFrom == nil && q.Tee == nil &&
		q.Lock == "" && len(c.When)+len(c.DependsOn) == 0 && c.Retry.isZero() {
		return // as most
	}
	at := commandPath(i)
	switch {
	case q.Command == nil && !r.spoilt.at(at):
		r.add(at+"/command", `is missing: give it one, such as "type":"shell","command":"echo hello"`)
	case q.Command != nil && q.Command.Type() == CommandTypePlan:
		r.add(at+"/command", "is a plan: plans do not nest")
	}
	if q.ID != (ID{}) {
		r.add(at+"/id", "is given: the ids of commands follow from that of the plan")
	}
	if q.StdinFrom != nil || q.Tee != nil {
		r.add(at, "has a reader as stdin or a tee, which only a single execution can have")
	}
	if err := checkLock(q.Lock); err != nil {
		r.wrong(at+"/lock", err)
	}
	if r.kind == ParallelPlan && len(c.When) > 0 {
		r.add(at+"/when", "is for the strategies %s and %s; this is %s", SerialPlan, GraphPlan, r.kind)
	}
	if r.kind != GraphPlan && len(c.DependsOn) > 0 {
		r.add(at+"/depends_on", "is for the strategy %s; this is %s", GraphPlan, r.kind)
	}
	r.checkRetry(i)
}

// mostAttempts bounds the attempts of one command.
const mostAttempts = 100

func (r *resolver) checkRetry(i int) {
	y := &r.plan.Commands[i].Retry
	if y.isZero() {
		return
	}
	at := commandPath(i) + "/retry"
	switch {
	case y.Attempts < 0 || y.Attempts > mostAttempts:
		r.add(at+"/attempts", "is %d: must be 1 to %d", y.Attempts, mostAttempts)
	case y.Attempts == 0 && !r.spoilt.at(at+"/attempts"):
		r.add(at, "has no attempts: say how often it may run")
	}
	if y.Backoff < 0 || y.MaxBackoff < 0 {
		r.add(at, "has a pause below 0")
	}
	for n, text := range y.Stderr {
		if _, err := regexp.Compile(text); err != nil {
			r.add(fmt.Sprintf("%s/stderr/%d", at, n), "is no regular expression: %v", err)
		}
	}
}

// checkCycles finds commands that wait for themselves.
func (r *resolver) checkCycles() {
	for _, cycle := range plan.Cycles(r.out.spec.Nodes) {
		names := make([]string, 0, len(cycle)+1)
		for _, n := range cycle {
			if n < len(r.out.commands) { // a join has no name
				names = append(names, r.out.commands[n].name)
			}
		}
		if len(names) > 12 {
			names = append(append(names[:6:6], fmt.Sprintf("… %d more …", len(names)-9)), names[len(names)-3:]...)
		}
		at := "/commands"
		for _, n := range cycle {
			if n < len(r.out.commands) {
				at = commandPath(r.out.commands[n].of)
				break
			}
		}
		r.add(at, "waits for itself: %s → %s", strings.Join(names, " → "), names[0])
	}
}

// maxLock is how long a lock's name may be.
const maxLock = 1024

func checkLock(name string) error {
	if len(name) > maxLock || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return fault(ErrInvalid, "lock is %q: must be at most %d bytes without control characters", clip(name, 64), maxLock)
	}
	return nil
}
