package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

// historyLimit is how many executions a page of history has.
const historyLimit = 100

// historyCommand is "cloudops history": its flags.
type historyCommand struct {
	listing

	after         string
	oldest, total bool
}

func (p *program) historyCommand() *cobra.Command {
	h := &historyCommand{listing: listing{program: p, ended: true}}
	cmd := &cobra.Command{
		Use: "history [FLAGS]", Short: "Go through all that was ever run, newest first, page by page", Args: noArgs,
		Long: `A page has 100 executions unless --limit says otherwise; --after goes on behind it.
Pages have nothing twice, whatever comes or ends meanwhile.

` + filterHelp,
		Example: `  cloudops history --filter program=terraform --filter exit=1
  cloudops history --filter since=2026-11-01 --filter until=2026-12-01 --total
  cloudops history --json --limit 1000 | jq -r '.executions[].command'`,
		RunE: func(cmd *cobra.Command, _ []string) error { return h.history(cmd.Context()) },
	}
	h.declare(cmd)
	cmd.Flags().StringVar(&h.after, "after", "", "go on behind a page: `CURSOR` is its next")
	cmd.Flags().BoolVar(&h.oldest, "oldest", false, "the oldest first")
	cmd.Flags().BoolVar(&h.total, "total", false, "count all that match")
	cmd.AddCommand(&cobra.Command{
		Use: "rebuild", Short: "Give the history back what it lost, of the folders of executions", Args: noArgs,
		Long: `For a history that was damaged or deleted. Every execution that was started has a folder
that tells all about it; of those that were never started nothing is left.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withDirectory(cmd.Context(), func(ctx context.Context, d stateDir) error {
				n, err := d.Rebuild(ctx)
				if err == nil {
					say(p.stdout, "%s in the history again\n", counted(n, "execution is", "executions are"))
				}
				return err
			})
		},
	})
	return cmd
}

func (h *historyCommand) history(ctx context.Context) error {
	f, err := h.ask()
	if err != nil {
		return err
	}
	limit := h.limit
	if limit == 0 {
		limit = historyLimit
	}
	f.After, f.Oldest = h.after, h.oldest
	return h.withState(ctx, func(ctx context.Context, d stateDir) error {
		var p engine.Page
		if h.total {
			counting := f
			counting.Total, counting.Limit, counting.After = true, 1, ""
			counted, err := d.List(ctx, counting)
			if err != nil {
				return err
			}
			p.Total = counted.Total
		}
		all, next, err := list(ctx, d, f, limit)
		if err != nil {
			return err
		}
		p.Next = next
		err = h.show(all, p)
		if !h.json && h.total {
			h.note("%s", counted(p.Total, "execution matches", "executions match"))
		}
		if !h.json && next != "" {
			h.note("there are more: cloudops history%s --after %s", h.again(), next)
		}
		return err
	})
}

// again are the flags that the next page needs too.
func (h *historyCommand) again() string {
	var line strings.Builder
	for _, f := range h.filter {
		line.WriteString(" --filter " + engine.Exec(f).String()) // quoted for a shell
	}
	if h.oldest {
		line.WriteString(" --oldest")
	}
	return line.String()
}
