package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// contextsCommand is "cloudops contexts": names for daemons elsewhere.
func (p *program) contextsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "contexts", Short: "Name daemons elsewhere, and choose one", Args: noArgs,
		Long: `A context is the name of a daemon, with what lets us in. What is chosen by --host,
--context, CLOUDOPS_HOST or CLOUDOPS_CONTEXT goes before the one in use; default is this machine.`,
		Example: `  cloudops contexts add prod --host https://ops.example:7443 --token-file ~/.prod-token
  cloudops contexts add lab --host https://192.0.2.7:7443 --tls-ca lab.pem --tls-cert me.pem --tls-key me.key --token-env LAB_TOKEN
  cloudops contexts use prod
  cloudops ps --context default`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.contextsListCommand(), p.contextsAddCommand(), &cobra.Command{
		Use: "use NAME", Short: "Use this one where nothing else is said", Args: cobra.ExactArgs(1), ValidArgsFunction: completeContexts,
		RunE: func(_ *cobra.Command, args []string) error {
			return changeContexts(func(c *contexts) error {
				c.Current = ""
				if args[0] == defaultContext {
					return nil
				}
				found, err := c.find(args[0])
				if err == nil {
					c.Current = found.Name
				}
				return err
			})
		},
	}, &cobra.Command{
		Use: "rm NAME", Short: "Forget one", Args: cobra.ExactArgs(1), ValidArgsFunction: completeContexts,
		RunE: func(_ *cobra.Command, args []string) error {
			return changeContexts(func(c *contexts) error {
				_, err := c.find(args[0])
				c.remove(args[0])
				return err
			})
		},
	})
	return cmd
}

// changeContexts changes what is kept.
func changeContexts(change func(c *contexts) error) error {
	c, err := readContexts()
	if err != nil {
		return err
	}
	if err := change(&c); err != nil {
		return err
	}
	return c.write()
}

func completeContexts(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	c, _ := readContexts() // none, where they cannot be read
	names := []string{defaultContext}
	for i := range c.All {
		names = append(names, c.All[i].Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (p *program) contextsAddCommand() *cobra.Command {
	var made hostContext
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "add NAME --host URL", Short: "Name a daemon, anew where the name is taken", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			made.Name, made.Host = args[0], p.hostFlag
			if err := p.completeContext(&made, fromStdin); err != nil {
				return err
			}
			return changeContexts(func(c *contexts) error {
				current := c.Current
				c.remove(made.Name)
				c.All, c.Current = append(c.All, made), current
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&made.TokenFile, "token-file", "", "the token is in `FILE`, which is read each time")
	flags.StringVar(&made.TokenEnv, "token-env", "", "the token is in the variable `NAME`")
	flags.BoolVar(&fromStdin, "token-stdin", false, "read the token from stdin, and keep it with the context")
	cmd.MarkFlagsMutuallyExclusive("token-file", "token-env", "token-stdin")
	return cmd
}

// completeContext checks a context that is to be added, and reads its token where it is to be kept.
func (p *program) completeContext(c *hostContext, fromStdin bool) (err error) {
	if err := checkContextName(c.Name); err != nil {
		return err
	}
	if c.Host == "" {
		return fault("--host https://HOST", "nothing says where %s is", c.Name)
	}
	if c.hostTLS, err = p.tls.absolute(); err != nil {
		return err
	}
	if c.TokenFile != "" {
		if c.TokenFile, err = filepath.Abs(c.TokenFile); err != nil {
			return err
		}
	}
	if fromStdin {
		text, err := io.ReadAll(io.LimitReader(p.stdin, 64<<10))
		if err != nil {
			return about("--token-stdin", err)
		}
		if c.Token = strings.TrimSpace(string(text)); c.Token == "" {
			return fault("echo $TOKEN | cloudops contexts add …", "--token-stdin: there is nothing on stdin")
		}
	}
	d, err := dialHost(&target{at: c.Host, token: func() (string, error) { return c.Token, nil }, tls: c.hostTLS}, patience)
	if err != nil {
		return err
	}
	return d.Shutdown(context.Background()) // nobody was asked yet
}

func (p *program) contextsListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list [--json]", Short: "List them; a star is at the one in use", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			c, err := readContexts()
			if err != nil {
				return err
			}
			all := append([]hostContext{{Name: defaultContext, Host: "this machine"}}, c.All...)
			if c.Current == "" {
				c.Current = defaultContext
			}
			if !asJSON {
				say(p.stdout, "  %-16s  %-36s  %-20s  %s\n", "CONTEXT", "HOST", "TOKEN", "TLS")
			}
			for i := range all {
				if err := p.showContext(&all[i], all[i].Name == c.Current, asJSON); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

// showContext shows one, without its token.
func (p *program) showContext(c *hostContext, current, asJSON bool) error {
	if !asJSON {
		star := " "
		if current {
			star = "*"
		}
		line := fmt.Sprintf("%s %-16s  %-36s  %-20s  %s", star, c.Name, c.Host, c.tokenFrom(), c.hostTLS)
		say(p.stdout, "%s\n", strings.TrimRight(line, " "))
		return nil
	}
	data, err := json.Marshal(struct {
		Name    string `json:"name"`
		Host    string `json:"host"`
		Token   string `json:"token_from"`
		Current bool   `json:"current"`
		hostTLS
	}{c.Name, c.Host, c.tokenFrom(), current, c.hostTLS})
	say(p.stdout, "%s\n", data)
	return err
}
