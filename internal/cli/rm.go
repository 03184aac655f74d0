package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

func (p *program) rmCommand() *cobra.Command {
	return p.idArgs(&cobra.Command{
		Use: "rm ID…", Short: "Forget executions that have ended, output and all",
		Long:    `Their ids stay known for long, so that nothing is run twice under one of them.`,
		Example: `  cloudops rm 019a5c1e-7a4b @last`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.each(cmd.Context(), args, func(ctx context.Context, d stateDir, id engine.ID) error {
				n, err := d.Delete(ctx, engine.Deletion{IDs: []engine.ID{id}})
				switch {
				case errors.Is(err, engine.ErrNotFinished):
					return engine.Advise(err, "cloudops cancel %s ends it", id)
				case err == nil && n > 0:
					say(p.stdout, "%s\n", id)
				}
				return err
			})
		},
	}, needIDs)
}
