package cli

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

func shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

func (p *program) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "completion SHELL", Short: "Write the completion script for a shell",
		Long: `Shells: bash, zsh, fish, powershell. Load it where the shell starts.`,
		Example: `  cloudops completion bash > /etc/bash_completion.d/cloudops
  cloudops completion zsh > "${fpath[1]}/_cloudops"
  cloudops completion fish > ~/.config/fish/completions/cloudops.fish
  cloudops completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: shells(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fault("cloudops completion bash", "name one shell: bash, zsh, fish or powershell")
			}
			return p.completion(cmd.Root(), args[0])
		},
	}
}

func (p *program) completion(root *cobra.Command, shell string) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(p.stdout, true)
	case "zsh":
		return root.GenZshCompletion(p.stdout)
	case "fish":
		return root.GenFishCompletion(p.stdout, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(p.stdout)
	}
	return oneOf(shell, shells())
}

// complete offers the values of flags that take one of a few.
func (c *runCommand) complete(cmd *cobra.Command) {
	values := map[string][]string{
		"on-oversize": slices.Sorted(maps.Keys(oversizeWays())),
		"redact":      {string(engine.RedactValues)},
		"stop-signal": {"TERM", "INT", "HUP", "QUIT", "USR1", "USR2"},
		"actor":       {"human:", "agent:", "schedule:", "service:"},
		"timeout":     {"none"},
	}
	for name, words := range values {
		// It fails for a flag that is not there, or is given twice: neither is.
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	for _, name := range []string{"tag", "env", "unset", "source", "id", "grace", "idle-timeout", "wait-delay", "max-output"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	_ = cmd.MarkFlagDirname("cwd")
}
