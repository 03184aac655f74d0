package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

const rerunName = "rerun"

// rerunCommand is "cloudops rerun": run, of a request that was made before.
type rerunCommand struct {
	*runCommand

	without []string
	failed  bool
}

func (p *program) rerunCommand() *cobra.Command {
	c := &rerunCommand{runCommand: &runCommand{program: p, again: true}}
	cmd := p.idArgs(&cobra.Command{
		Use: "rerun [FLAGS] ID", Short: "Run again what an execution ran",
		Long: `The same command with the same directory, variables, limits and tags, under a new id.
What it inherits is ours. The flags are those of run, and override what was asked for.

Secrets are not kept, nor is stdin: where there were some they have to be given
again. cloudops says which, and --without goes on without them.

Of a plan --failed runs what did not end well, and what depends on it, as a plan of
its own; what ended well is not run again.`,
		Example: `  cloudops rerun @last
  cloudops rerun 019a5c1e --env DB_PASSWORD --timeout 1h
  cloudops rerun @last --stdin rows.csv --detach
  cloudops rerun --failed 01a20964`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.rerun(cmd.Context(), args[0]) },
	}, needID)
	groups := c.shared()
	ours := groups[len(groups)-1]
	ours.set.StringArrayVar(&c.without, "without", nil, "go on without `WHAT` is gone: secrets or stdin")
	ours.set.BoolVar(&c.failed, "failed", false, "of a plan: only what did not end well, and what depends on it")
	for _, g := range groups {
		cmd.Flags().AddFlagSet(g.set)
	}
	p.groups[rerunName] = groups
	c.groups = groups
	c.complete(cmd)
	_ = cmd.RegisterFlagCompletionFunc("without", cobra.FixedCompletions([]string{engine.MissingSecrets, engine.MissingStdin}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *rerunCommand) rerun(ctx context.Context, name string) error {
	var kept engine.Record
	var ended engine.Result
	err := c.withDirectory(ctx, func(ctx context.Context, d stateDir) error {
		ids, err := resolve(ctx, d, []string{name})
		if err != nil {
			return err
		}
		if c.failed {
			if ended, err = d.Result(ctx, ids[0]); err != nil {
				return err
			}
		}
		kept, err = d.Record(ctx, ids[0])
		return err
	})
	if err != nil {
		return err
	}
	if p, ok := kept.Request.Command.(engine.Plan); ok {
		return c.rerunPlan(ctx, &kept, p, ended.Plan)
	}
	if c.failed {
		return fault("cloudops rerun without it", "--failed is for plans, and %s is none", kept.Execution.ID)
	}
	r := kept.Request
	r.ID, r.Trace = engine.ID{}, engine.Trace{}
	if err := c.complement(&r, kept.Missing()); err != nil {
		return err
	}
	c.tty = c.tty || r.Terminal != nil && c.detach
	if r.Terminal != nil && !c.tty {
		return fault("--tty gives it ours, --detach one of its own", "it had a terminal")
	}
	if err := c.checkTyped(&r); err != nil {
		return err
	}
	return c.run(ctx, r)
}

// complement gives a request what it has lost, of what the flags say, and reports all
// that is still missing.
func (c *rerunCommand) complement(r *engine.Request, missing []string) error {
	given := map[string]bool{
		engine.MissingSecrets: c.request.given("secret-env"), engine.MissingStdin: c.input != "",
	}
	for _, what := range c.without {
		if what != engine.MissingSecrets && what != engine.MissingStdin {
			return about("--without", oneOf(what, []string{engine.MissingSecrets, engine.MissingStdin}))
		}
		given[what] = true
	}
	if slices.Contains(missing, engine.MissingSecrets) {
		r.Secrets = nil
	}
	if slices.Contains(missing, engine.MissingStdin) {
		r.Stdin = nil
	}
	for _, what := range missing {
		if name, ok := strings.CutPrefix(what, engine.MissingEnv); ok {
			delete(r.Env, name)
		}
	}
	if err := c.request.apply(r); err != nil {
		return err
	}
	r.Interactive = r.Interactive && c.input == ""
	for _, what := range missing {
		if name, ok := strings.CutPrefix(what, engine.MissingEnv); ok {
			_, set := r.Env[name]
			given[what] = set || slices.Contains(r.UnsetEnv, name)
		}
	}
	return stillMissing(missing, given)
}

// stillMissing is an error for all that nobody has given again.
func stillMissing(missing []string, given map[string]bool) error {
	var faults []error
	for _, what := range missing {
		name, isEnv := strings.CutPrefix(what, engine.MissingEnv)
		switch {
		case given[what]:
		case isEnv:
			faults = append(faults, fault("--env "+name+" takes it from here, --env "+name+"=VALUE gives it, --unset "+name+" leaves it away",
				"the value of %s was secret and is gone", name))
		case what == engine.MissingSecrets:
			faults = append(faults, fault("--secret-env NAME masks the value of a variable; --without secrets masks none but what looks like one",
				"values that were masked in its output are gone"))
		case what == engine.MissingStdin:
			faults = append(faults, fault("--stdin FILE gives it, --without stdin leaves it away", "what it read from stdin was not kept"))
		default:
			faults = append(faults, fault("cloudops run with the whole command", "a secret in the command itself was not kept"))
		}
	}
	return errors.Join(faults...)
}
