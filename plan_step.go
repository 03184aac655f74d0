package engine

import (
	"github.com/escher-dbai/cloudops-engine/internal/plan"
	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// PlanStep is one command of a plan as it would run, every matrix spelled out.
type PlanStep struct {
	// Index is its number among all that run, counted from 0. Of the plan is the index in
	// Plan.Commands.
	Index  int    `json:"index"`
	OfPlan int    `json:"of_plan"`
	Name   string `json:"name"`
	// Wave is how many others run one after the other before it, at least: those of one
	// wave can run at once, as far as the bounds let them.
	Wave int `json:"wave"`
	// After are the commands that it waits for, by name: a cell of a matrix, or all of them.
	After []string `json:"after,omitempty"`
	// Type and Command are what runs, secrets masked.
	Type    CommandType `json:"command_type"`
	Command string      `json:"command"`
}

// Steps are all that the plan would run, in an order in which it could: a dry run, which
// starts nothing and looks at no machine. Errors: as of Check.
func (p Plan) Steps() ([]PlanStep, error) {
	r, faults := p.resolve()
	if len(faults) > 0 {
		return nil, p.wrong(faults)
	}
	order, waves := plan.Order(r.spec.Nodes)
	steps := make([]PlanStep, 0, len(r.commands))
	for _, n := range order {
		if n >= len(r.commands) {
			continue // a join runs nothing
		}
		c := &r.commands[n]
		s := PlanStep{
			Index: n, OfPlan: c.of, Name: c.name, Wave: waves[n],
			Type: c.request.Command.Type(), Command: maskOf(c.request).String(c.request.Command.String()),
		}
		node := &r.spec.Nodes[n]
		for _, list := range [...][]int{node.Needs, node.After} {
			for _, before := range list {
				s.After = append(s.After, r.nameOf(before))
			}
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// nameOf is the name of a node: of a join that of the command whose cells it waits for.
func (r *resolved) nameOf(node int) string {
	if node < len(r.commands) {
		return r.commands[node].name
	}
	n := &r.spec.Nodes[node]
	for _, list := range [...][]int{n.Needs, n.After} {
		for _, cell := range list {
			return r.names[r.commands[cell].of]
		}
	}
	return ""
}

// maskOf finds what a request says is secret.
func maskOf(r *Request) *redact.Secrets {
	values := append([]string{}, r.Secrets...)
	for name, value := range r.Env {
		if redact.SecretName(name) {
			values = append(values, value)
		}
	}
	return redact.NewSecrets(redact.New(values, redact.Options{Patterns: r.Redact == RedactDefault}))
}
