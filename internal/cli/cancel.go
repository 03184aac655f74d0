package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

func (p *program) cancelCommand() *cobra.Command {
	var force bool
	var actor string
	cmd := p.idArgs(&cobra.Command{
		Use: "cancel [--force] ID…", Short: "Ask executions to end, or kill them",
		Long: `It asks and does not wait: stop signal, grace, KILL. With --force it kills at once, also
one that was asked before. One that has ended already is no error.`,
		Example: `  cloudops cancel @last && cloudops wait @last
  cloudops cancel --force $(cloudops ps -q)`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c := engine.Cancellation{Force: force}
			var err error
			if actor != "" {
				if c.Actor, err = parseActor(actor); err != nil {
					return about("--actor", err)
				}
			}
			return p.each(cmd.Context(), args, func(ctx context.Context, d stateDir, id engine.ID) error {
				err := d.Cancel(ctx, id, c)
				if errors.Is(err, engine.ErrFinished) {
					p.note("%s has ended already", id)
					return nil
				}
				if err == nil {
					say(p.stdout, "%s\n", id)
				}
				return err
			})
		},
	}, needIDs)
	cmd.Flags().BoolVarP(&force, "force", "f", false, "kill at once")
	cmd.Flags().StringVar(&actor, "actor", "", "who cancels: `KIND:NAME`, human, agent, schedule or service, and a name")
	return cmd
}
