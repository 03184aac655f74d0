package cli

import (
	"errors"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

// planCommand is what the commands below "cloudops plan" share: where the plan is, and what
// fills it in.
type planCommand struct {
	*program

	vars []string
	json bool
	dot  bool
}

func (p *program) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "plan", Short: "Run many commands as one, and look at such a plan before",
		Long: `A plan says what to run, in which order, how many at once, and what follows from a
failure. It is written in YAML or JSON; - is stdin. docs/plans.md has its fields.`,
		Example: `  cloudops plan run nightly.yaml --var region=eu-west-1
  cloudops plan validate nightly.yaml
  cloudops plan graph nightly.yaml --dot | dot -Tsvg >nightly.svg`,
	}
	cmd.AddCommand(p.planRunCommand(), p.planValidateCommand(), p.planShowCommand(), p.planGraphCommand(), p.planSchemaCommand())
	return cmd
}

func (p *program) planSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of plan files, for editors",
		Long: `An editor that knows it completes and checks a plan while it is written. A plan in YAML names it in
its first line, one in JSON in a field:

  # yaml-language-server: $schema=plan.schema.json
  {"$schema": "plan.schema.json", …}

It tells whether a plan is well formed; validate tells whether it is well, too.`,
		Example: `  cloudops plan schema >plan.schema.json`,
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := p.stdout.Write(engine.PlanSchema())
			return err
		},
	}
}

// declare gives a command what reads a plan.
func (c *planCommand) declare(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().SortFlags = false
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fault(cmd.CommandPath()+" FILE, or - for stdin", "%s takes one file with a plan", cmd.CommandPath())
		}
		return nil
	}
	cmd.Flags().StringArrayVar(&c.vars, "var", nil, "`K=V`: what ${var.K} stands for in the plan; the last of a name wins")
	_ = cmd.RegisterFlagCompletionFunc("var", cobra.NoFileCompletions) // the flag is there
	return cmd
}

// read reads the plan in a file.
func (c *planCommand) read(path string) (engine.Plan, *planSource, error) {
	vars := map[string]string{}
	var faults []error
	for _, text := range c.vars {
		name, value, err := splitPair(text)
		if err != nil {
			faults = append(faults, about("--var", err))
		}
		vars[name] = value
	}
	if err := errors.Join(faults...); err != nil {
		return engine.Plan{}, nil, err
	}
	return readPlan(path, c.stdin, vars)
}

func (p *program) planValidateCommand() *cobra.Command {
	c := &planCommand{program: p}
	return c.declare(&cobra.Command{
		Use: "validate [FLAGS] FILE", Short: "Say all that is wrong with a plan, and run nothing",
		Long: `Every fault is one error, FILE:LINE:COLUMN first, and the exit code is 125. What only the
machine knows that runs it, such as whether a program is there, is told by run --dry-run.`,
		Example: `  cloudops plan validate nightly.yaml`,
		RunE: func(_ *cobra.Command, args []string) error {
			p, s, err := c.read(args[0])
			if err != nil {
				return err
			}
			steps, err := p.Steps()
			if err == nil {
				say(c.stdout, "%s: well, %s\n", s.name, counted(len(steps), "command", "commands"))
			}
			return err
		},
	})
}
