package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

func (p *program) planShowCommand() *cobra.Command {
	c := &planCommand{program: p}
	cmd := c.declare(&cobra.Command{
		Use: "show [FLAGS] FILE", Short: "Show what a plan would run, in which order, and run nothing",
		Long: `Every matrix is spelled out, every variable filled in, and secrets are masked. Those of
one wave can run at once, as far as the bounds of the plan let them.`,
		Example: `  cloudops plan show nightly.yaml
  cloudops plan show nightly.yaml --json | jq -r .command`,
		RunE: func(_ *cobra.Command, args []string) error {
			p, _, err := c.read(args[0])
			if err != nil {
				return err
			}
			steps, err := p.Steps()
			if err != nil {
				return err
			}
			return c.show(steps)
		},
	})
	cmd.Flags().BoolVar(&c.json, "json", false, "one JSON object a line")
	return cmd
}

func (c *planCommand) show(steps []engine.PlanStep) error {
	if c.json {
		enc := json.NewEncoder(c.stdout)
		for i := range steps {
			if err := enc.Encode(&steps[i]); err != nil {
				return err
			}
		}
		return nil
	}
	t := &table{
		width:   widthOf(c.stdout),
		columns: []column{{title: "WAVE", right: true}, {title: "NAME"}, {title: "AFTER", spare: 1}, {title: "COMMAND"}},
	}
	for i := range steps {
		s := &steps[i]
		t.add(cell{text: strconv.Itoa(s.Wave + 1)}, cell{text: oneLine(s.Name)}, cell{text: oneLine(strings.Join(s.After, ", "))}, cell{text: oneLine(s.Command)})
	}
	t.write(c.stdout)
	return nil
}

func (p *program) planGraphCommand() *cobra.Command {
	c := &planCommand{program: p}
	cmd := c.declare(&cobra.Command{
		Use: "graph [FLAGS] FILE", Short: "Draw what waits for what in a plan",
		Example: `  cloudops plan graph nightly.yaml
  cloudops plan graph nightly.yaml --dot | dot -Tsvg >nightly.svg`,
		RunE: func(_ *cobra.Command, args []string) error {
			p, _, err := c.read(args[0])
			if err != nil {
				return err
			}
			steps, err := p.Steps()
			switch {
			case err != nil:
			case c.dot:
				writeDot(c.stdout, steps)
			default:
				writeWaves(c.stdout, steps)
			}
			return err
		},
	})
	cmd.Flags().BoolVar(&c.dot, "dot", false, "in the language of Graphviz")
	return cmd
}

// writeWaves draws the graph as text: a line a command, those that can run at once below each
// other, each with what it waits for.
func writeWaves(w io.Writer, steps []engine.PlanStep) {
	widest := 0
	for i := range steps {
		widest = max(widest, columns(oneLine(steps[i].Name)))
	}
	for i := range steps {
		s, wave := &steps[i], ""
		if i == 0 || steps[i-1].Wave != s.Wave {
			wave = strconv.Itoa(s.Wave + 1)
		}
		name := oneLine(s.Name)
		line := fmt.Sprintf("%4s  %s", wave, name)
		if len(s.After) > 0 {
			line += strings.Repeat(" ", widest-columns(name)) + "  ← " + oneLine(strings.Join(s.After, ", "))
		}
		say(w, "%s\n", line)
	}
}

// writeDot draws the graph for Graphviz. Who waits for a whole matrix waits for a dot, at which
// all of its cells end: a line from each to each would be too many.
func writeDot(w io.Writer, steps []engine.PlanStep) {
	say(w, "digraph plan {\n  rankdir=LR\n  node [shape=box]\n")
	cells := map[string][]string{} // by the name of the command that has the matrix
	is := map[string]bool{}
	for i := range steps {
		name := steps[i].Name
		is[name] = true
		if of, _, ok := strings.Cut(name, "["); ok {
			cells[of] = append(cells[of], name)
		}
		say(w, "  %s\n", dotName(name))
	}
	joined := map[string]bool{}
	for i := range steps {
		for _, before := range steps[i].After {
			if !is[before] && !joined[before] {
				joined[before] = true
				say(w, "  %s [shape=point]\n", dotName(before))
				for _, cell := range cells[before] {
					say(w, "  %s -> %s\n", dotName(cell), dotName(before))
				}
			}
			say(w, "  %s -> %s\n", dotName(before), dotName(steps[i].Name))
		}
	}
	say(w, "}\n")
}

func dotName(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(oneLine(name)) + `"`
}
