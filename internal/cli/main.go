package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	engine "github.com/escher-dbai/cloudops-engine"
)

// program is what all commands share.
type program struct {
	version        string
	stdin          io.Reader
	stdout, stderr io.Writer
	noColour       bool
	groups         map[string][]flagGroup // of the commands that have some
	stateDirFlag   string
	hostFlag       string
	contextFlag    string
	tls            hostTLS
	open           opener
	// daemon is the one that has our state directory, if it answers at a socket that the
	// configuration names, or the usual one.
	daemon func(ctx context.Context, socket string) stateDir
}

// Main runs the command that args name (without the program's own name) and
// returns the exit code. version is what the build was stamped with, or "".
func Main(version string, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{version: version, stdin: stdin, stdout: stdout, stderr: stderr}
	p.open, p.daemon = p.openDurable, p.dialHere
	return run(p, args)
}

func run(p *program, args []string) int {
	p.groups = map[string][]flagGroup{}
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := p.unreached(root.ExecuteContext(context.Background()))
	return report(p.stderr, styleOf(p.stderr, p.noColour || slices.Contains(ours(args), "--no-color")), err)
}

// ours are the arguments that are not the command's: an error may come before
// the flags are read.
func ours(args []string) []string {
	if i := slices.Index(args, "--"); i >= 0 {
		return args[:i]
	}
	return args
}

func (p *program) root() *cobra.Command {
	showVersion := false
	root := &cobra.Command{
		Use:   "cloudops",
		Short: "Run cloud operations, and know what became of them",
		Example: `  cloudops run -- aws s3 ls
  cloudops run --detach --timeout 30m -- terraform apply -auto-approve
  cloudops logs -f @last
  cloudops doctor`,
		Args: rootArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if showVersion {
				return p.showVersion(false)
			}
			return cmd.Help()
		},
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions:          cobra.CompletionOptions{DisableDefaultCmd: true},
		SuggestionsMinimumDistance: 2,
	}
	root.PersistentFlags().BoolVar(&p.noColour, "no-color", false, "no colours")
	root.Flags().BoolVar(&showVersion, "version", false, "show the version")
	root.Flags().SetInterspersed(false)
	root.SetFlagErrorFunc(flagFault)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { p.help(cmd) })
	root.SetHelpCommand(p.helpCommand())
	p.stateFlags(root)
	root.AddCommand(p.runCommand(), p.planCommand())
	root.AddCommand(p.verbs()...)
	root.AddCommand(p.serveCommand(), p.sidecarCommand(), p.tokenCommand(), p.contextsCommand())
	root.AddCommand(p.doctorCommand(), p.versionCommand(), p.completionCommand())
	for _, cmd := range root.Commands() {
		cmd.DisableFlagsInUseLine = true
		for _, sub := range cmd.Commands() {
			sub.DisableFlagsInUseLine = true
		}
	}
	return root
}

// verbs are the commands about what is recorded in the state directory.
func (p *program) verbs() []*cobra.Command {
	return []*cobra.Command{
		p.psCommand(), p.logsCommand(), p.attachCommand(), p.statusCommand(), p.resultCommand(), p.waitCommand(),
		p.cancelCommand(), p.rerunCommand(), p.topCommand(), p.historyCommand(), p.pruneCommand(), p.rmCommand(), p.stateCommand(),
	}
}

// rootArgs refuses what is no command.
func rootArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	err := fmt.Errorf("unknown command %q", clip(args[0]))
	if near := nearest(args[0], names); near != "" && len(args[0]) > 2 { // all words of two letters are near
		return engine.Advise(err, "did you mean cloudops %s?", near)
	}
	return engine.Advise(err, "to run a program: cloudops run -- %s", strings.Join(args[:min(len(args), 4)], " "))
}

// noArgs refuses arguments of a command that takes none.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fault(cmd.CommandPath()+" --help shows how it is used", "%s takes no argument: %q", cmd.Name(), clip(args[0]))
}

// flagFault is an error about a flag, in our words.
func flagFault(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var value *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown)
	case errors.As(err, &value) && value.GetFlag() != nil:
		flag := value.GetFlag()
		kind, usage := pflag.UnquoteUsage(flag)
		return fault(fmt.Sprintf("--%s %s: %s", flag.Name, kind, usage), "--%s needs a value", flag.Name)
	case errors.As(err, &invalid):
		return fault("", "--%s: %q is not what it takes", invalid.GetFlag().Name, clip(invalid.GetValue()))
	}
	return err
}

func unknownFlag(cmd *cobra.Command, unknown *pflag.NotExistError) error {
	name := unknown.GetSpecifiedName()
	if group := unknown.GetSpecifiedShortnames(); group != "" {
		return fault(cmd.CommandPath()+" --help lists the flags; those of a program go behind its name", "unknown flag -%s", clip(group))
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	err := fmt.Errorf("unknown flag --%s", clip(name))
	if near := nearest(name, names); near != "" {
		return engine.Advise(err, "did you mean --%s?", near)
	}
	return engine.Advise(err, "%s --help lists the flags; those of a program go behind its name", cmd.CommandPath())
}
