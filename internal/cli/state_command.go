package cli

import (
	"context"

	"github.com/spf13/cobra"
)

// stateCommand is "cloudops state": what is about the directory and not about an
// execution.
func (p *program) stateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "state", Short: "Look after the state directory", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "check", Short: "Look for damage in the state directory", Args: noArgs,
			Long: `Reads the history and every folder, and says of each that is damaged what is wrong
with it. The exit code is 1 where something is.`,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return p.withDirectory(cmd.Context(), func(ctx context.Context, d stateDir) error {
					if err := d.Check(ctx); err != nil {
						return exitWith(exitMissing, err)
					}
					say(p.stdout, "no damage was found\n")
					return nil
				})
			},
		},
		&cobra.Command{
			Use: "dir", Short: "Say where the state directory is", Args: noArgs,
			RunE: func(*cobra.Command, []string) error {
				dir, err := p.stateDirPath()
				if err == nil {
					say(p.stdout, "%s\n", dir)
				}
				return err
			},
		},
	)
	return cmd
}
