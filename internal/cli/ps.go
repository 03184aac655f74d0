package cli

import (
	"context"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

// psLimit is how many ps -a shows unless somebody asks for more.
const psLimit = 100

func (p *program) psCommand() *cobra.Command {
	l := &listing{program: p}
	cmd := &cobra.Command{
		Use: "ps [FLAGS]", Short: "List what runs and waits, or with -a what has ended too", Args: noArgs,
		Long: `On a terminal, ids and commands are cut to its width and ages are shown; an id of
which the beginning is shown may be written like that. Elsewhere all is whole.

` + filterHelp,
		Example: `  cloudops ps
  cloudops ps -a --filter status=failed,timeout --filter since=24h
  cloudops ps -a --filter tag=team=data --json | jq -r '.executions[].id'
  cloudops cancel $(cloudops ps -q --filter program=terraform)`,
		RunE: func(cmd *cobra.Command, _ []string) error { return l.ps(cmd.Context()) },
	}
	cmd.Flags().BoolVarP(&l.all, "all", "a", false, "those that have ended too, newest first")
	l.declare(cmd)
	return cmd
}

func (l *listing) ps(ctx context.Context) error {
	f, err := l.ask()
	if err != nil {
		return err
	}
	limit := l.limit
	if l.ended = l.all || len(f.Status) > 0; l.ended {
		if limit == 0 {
			limit = psLimit
		}
	} else {
		f.Status = unfinished()
	}
	return l.withState(ctx, func(ctx context.Context, d stateDir) error {
		all, next, err := list(ctx, d, f, limit)
		if err != nil {
			return err
		}
		err = l.show(all, engine.Page{Next: next})
		if next != "" && !l.json {
			l.note("these are the newest %d; --limit shows more, cloudops history goes through all", len(all))
		}
		return err
	})
}

// note tells people something beside what they asked for.
func (p *program) note(format string, args ...any) {
	say(p.stderr, "%s "+format+"\n", append([]any{styleOf(p.stderr, p.noColour).cyan("note:")}, args...)...)
}
