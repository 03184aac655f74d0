package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help shows a command: what it is for, examples, and only then the rest.
func (p *program) help(cmd *cobra.Command) {
	w := p.stdout
	say(w, "%s.\n", cmd.Short)
	if cmd.Long != "" {
		say(w, "\n%s\n", strings.TrimSpace(cmd.Long))
	}
	if cmd.Example != "" {
		say(w, "\nExamples:\n%s\n", cmd.Example)
	}
	say(w, "\nUsage:\n  %s\n", usageLine(cmd))
	if cmd.HasAvailableSubCommands() {
		say(w, "\nCommands:\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				say(w, "  %-12s%s\n", sub.Name(), sub.Short)
			}
		}
	}
	for _, g := range p.groupsOf(cmd) {
		if text := g.set.FlagUsages(); text != "" {
			say(w, "\n%s:\n%s", g.title, text)
		}
	}
	if ofRoot := cmd.Parent() == cmd.Root(); ofRoot && (cmd.Name() == runName || cmd.Name() == rerunName) {
		say(w, "\nExit codes:\n")
		for _, row := range exitCodes() {
			say(w, "  %-12s%s\n", row[0], row[1])
		}
	}
	if !cmd.HasParent() {
		say(w, "\ncloudops COMMAND --help says more about each.\n")
	}
}

func usageLine(cmd *cobra.Command) string {
	switch commands := cmd.CommandPath() + " COMMAND"; {
	case !cmd.HasAvailableSubCommands():
		return cmd.UseLine()
	case strings.Contains(cmd.Use, " "): // it does something itself, too
		return cmd.UseLine() + "\n  " + commands
	default:
		return commands
	}
}

// groupsOf are the flags of a command under their titles: its own groups where
// it has some, and one for all that is in none.
func (p *program) groupsOf(cmd *cobra.Command) []flagGroup {
	rest := newGroup("Flags")
	var groups []flagGroup
	if cmd.Parent() == cmd.Root() { // "plan run" is another "run"
		groups = slices.Clone(p.groups[cmd.Name()])
	}
	cmd.InheritedFlags() // merges those of the root
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		for _, g := range groups {
			if g.set.Lookup(f.Name) != nil {
				return
			}
		}
		if f.Name != "help" {
			rest.set.AddFlag(f)
		}
	})
	if n := len(groups); n > 0 {
		groups[n-1].set.AddFlagSet(rest.set)
		return groups
	}
	return append(groups, rest)
}

// helpCommand is "cloudops help COMMAND", the same as --help.
func (p *program) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Say more about a command", Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return rootArgs(cmd.Root(), args)
			}
			p.help(found)
			return nil
		},
	}
}

// say writes for people. A reader that has gone has heard enough.
func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, args...)
}
