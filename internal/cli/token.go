package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// tokenCommand is "cloudops token": what lets others in over the network.
func (p *program) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "token", Short: "Say who may use the daemon over the network", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.tokenCreateCommand(), p.tokenListCommand(), &cobra.Command{
		Use: "revoke ID", Short: "Have a token let nobody in any more", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			tokens, err := p.tokens()
			if err != nil {
				return err
			}
			return tokens.Revoke(args[0])
		},
	})
	return cmd
}

// tokens are those of the state directory.
func (p *program) tokens() (daemon.Tokens, error) {
	if err := p.here("token"); err != nil {
		return daemon.Tokens{}, err
	}
	dir, err := p.stateDirPath()
	return daemon.TokensIn(dir), err
}

func (p *program) tokenCreateCommand() *cobra.Command {
	var role, expires, name string
	cmd := &cobra.Command{
		Use: "create --role ROLE --expires DURATION", Short: "Make a token, and show it once", Args: noArgs,
		Long: `A viewer may look, an operator may run as well, an approver may decide what runs
instead, an admin may do everything. The token is shown once, and only its hash is kept.`,
		Example: `  cloudops token create --role operator --expires 30d --name ci`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.createToken(cmd.Context(), role, expires, name)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&role, "role", "", "`ROLE`: viewer, operator, approver or admin")
	flags.StringVar(&expires, "expires", "", "it lets nobody in after `DURATION` (36h, 30d)")
	flags.StringVar(&name, "name", "", "`NAME` of whoever has it")
	roles := []string{}
	for _, r := range daemon.Roles() {
		roles = append(roles, string(r))
	}
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(roles, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return cmd
}

func (p *program) createToken(ctx context.Context, role, expires, name string) error {
	var faults []error
	if role == "" {
		faults = append(faults, fault("--role viewer, operator, approver or admin", "nothing says what the token allows"))
	}
	if expires == "" {
		faults = append(faults, fault("--expires 30d", "nothing says how long the token is good"))
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	may, err := daemon.ParseRole(role)
	if err != nil {
		return about("--role", err)
	}
	lives, err := parseLife(expires)
	if err != nil {
		return about("--expires", err)
	}
	// The directory is made, and checked, as every other command has it.
	err = p.withDirectory(ctx, func(context.Context, stateDir) error { return nil })
	if err != nil && !errors.Is(err, engine.ErrUnsupported) {
		return err
	}
	tokens, err := p.tokens()
	if err != nil {
		return err
	}
	now := time.Now()
	secret, token, err := tokens.Create(name, may, now, now.Add(lives))
	if err != nil {
		return err
	}
	say(p.stdout, "%s\n", secret)
	p.note("token %s with the role %s, until %s; it is not shown again, cloudops token revoke %s ends it",
		token.ID, token.Role, token.Expires.Format(time.RFC3339), token.ID)
	return nil
}

// parseLife reads a duration, which may be in days.
func parseLife(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 10_000 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	return parseDuration(text)
}

func (p *program) tokenListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list [--json]", Short: "List the tokens", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			tokens, err := p.tokens()
			if err != nil {
				return err
			}
			all, err := tokens.List()
			if asJSON {
				return errors.Join(err, writeTokens(p.stdout, all))
			}
			say(p.stdout, "%-12s  %-8s  %-20s  %s\n", "TOKEN", "ROLE", "EXPIRES", "NAME")
			for _, t := range all {
				until := t.Expires.Format(time.RFC3339)
				if !time.Now().Before(t.Expires) {
					until = "expired"
				}
				say(p.stdout, "%s\n", strings.TrimRight(t.ID+"  "+pad(string(t.Role), 8)+"  "+pad(until, 20)+"  "+t.Name, " "))
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func writeTokens(w io.Writer, all []daemon.Token) error {
	for i := range all {
		data, err := json.Marshal(all[i])
		if err != nil {
			return err
		}
		say(w, "%s\n", data)
	}
	return nil
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-len(text)))
}
