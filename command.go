package engine

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// CommandType names a kind of command: the "type" of its JSON.
type CommandType string

// The kinds of commands.
const (
	CommandTypeExec      CommandType = "exec"      // a program and its arguments
	CommandTypeShell     CommandType = "shell"     // a line or more for a shell
	CommandTypeScript    CommandType = "script"    // a script in a file, or inline
	CommandTypeAWS       CommandType = "aws_cli"   // the AWS CLI, version 1 or 2
	CommandTypeGcloud    CommandType = "gcloud"    // the Google Cloud CLI
	CommandTypeAz        CommandType = "az"        // the Azure CLI
	CommandTypeKubectl   CommandType = "kubectl"   // the Kubernetes CLI
	CommandTypeTerraform CommandType = "terraform" // Terraform
	CommandTypePlan      CommandType = "plan"      // many commands as one
)

// commandTypes lists every kind, in the order in which messages name them.
func commandTypes() []CommandType {
	return []CommandType{
		CommandTypeExec, CommandTypeShell, CommandTypeScript, CommandTypeAWS,
		CommandTypeGcloud, CommandTypeAz, CommandTypeKubectl, CommandTypeTerraform, CommandTypePlan,
	}
}

// Command is what an execution runs: one of [ExecCommand], [ShellCommand],
// [ScriptCommand], [AWSCommand], [GcloudCommand], [AzCommand],
// [KubectlCommand], [TerraformCommand] and [Plan], made by [Exec], [Shell], [Script],
// [InlineScript], [AWS], [Gcloud], [Az], [Kubectl], [Terraform] or
// [ParseCommand]. No other package can add one.
//
// Commands are values. A method such as [AWSCommand.Region] returns a changed
// copy, so that one command can be the start of several and be shared between
// goroutines. Nothing is checked until a command is parsed or executed; what
// is wrong with it is then told at once, as one [ErrInvalidCommand].
//
// # What the engine adds
//
// There is no shell between the engine and the program (that of [Shell] and
// what a script names are programs like any other), no pager, no prompt and no
// terminal, and cloud tools print for machines. This takes these defaults.
// A variable of the request's own environment overrides the one named here. Where
// the request has a terminal, TERM is xterm-256color, and programs, shells and
// scripts get no other default: somebody sits there.
//
//	command    environment                               arguments
//	every      TERM=dumb PAGER=cat                       -
//	           GIT_TERMINAL_PROMPT=0
//	cloud      NO_COLOR=1                                -
//	aws_cli    AWS_DEFAULT_OUTPUT=json AWS_PAGER=        aws [--profile=P] [--region=R] [--output=O]
//	           AWS_CLI_AUTO_PROMPT=off                   SERVICE OPERATION ARGS
//	gcloud     CLOUDSDK_CORE_DISABLE_PROMPTS=1           gcloud [--configuration=C] [--account=A] [--project=P]
//	                                                     --format=json ARGS [--region=R] [--zone=Z]
//	az         AZURE_CORE_OUTPUT=json                    az ARGS [--subscription=S] [--output=O]
//	           AZURE_CORE_NO_COLOR=true
//	kubectl    -                                         kubectl [--kubeconfig=F] [--context=C] [--namespace=N]
//	                                                     ARGS [--output=json]
//	terraform  TF_IN_AUTOMATION=1 TF_INPUT=0             terraform [-chdir=DIR] SUBCOMMAND [-json] -no-color
//	                                                     [-auto-approve] [-var=K=V] [-var-file=F] ARGS
//
// "cloud" is the last five. Options shown after ARGS are put before a "--" in
// them, because what follows it is for another program. A format that ARGS
// name themselves wins and replaces the default; a field that ARGS give a
// second time is an error.
//
// No default answers a question with yes: a command of az that asks for
// confirmation fails without --yes, terraform apply without
// [TerraformCommand.AutoApprove] or a saved plan. gcloud is the exception,
// since it has one setting for "do not ask" and "take the default", and the
// default of a deletion is yes.
//
// Terraform is stopped by one SIGINT and has 60 s to release its locks, unless
// the request says otherwise; everything else by the engine's defaults.
//
// # Values of fields
//
// NUL is refused everywhere, and so is text that is not UTF-8: a request is kept
// and compared as JSON, which would change it. A value of a field that names something (a
// profile, a region, a context, a directory …) may not begin with a dash:
// it would read as an option. Arguments may: they are passed on verbatim.
type Command interface {
	// Type is the kind of the command, as in its JSON.
	Type() CommandType

	// String is what runs, on one line, quoted so that it can be pasted into a
	// POSIX shell, with values that look secret replaced by [REDACTED]: those
	// of options such as --password and --secret-string, of assignments such
	// as DB_PASSWORD=…, of headers, and the passwords in URLs. It is for
	// people and logs, and it is a guess: a secret that nothing announces is
	// shown. It holds no control bytes. What a script's first line or the
	// engine's defaults in the environment add is not in it.
	String() string

	// MarshalJSON is the command as [ParseCommand] reads it, complete and
	// unmasked. Text that is not UTF-8 is an [ErrInvalidCommand].
	MarshalJSON() ([]byte, error)

	// invocation is what the operating system is asked to run, for a request
	// whose working directory is dir ("" = the engine's own). It reads at most
	// the first line of a script, and changes nothing.
	invocation(dir string) (invocation, error)

	// check looks at every text of the command, by the name of its field.
	check(c *commandChecker)
}

// commandFault is one thing that is wrong with a command.
type commandFault struct{ field, text string }

func (f commandFault) String() string { return f.field + " " + f.text }

// invalidCommand is the one error for all that is wrong with a command, nil if
// nothing is.
func invalidCommand(t CommandType, faults []commandFault) error {
	if len(faults) == 0 {
		return nil
	}
	texts := make([]string, len(faults))
	for i, f := range faults {
		texts[i] = f.String()
	}
	return fmt.Errorf("%w: %s: %s", ErrInvalidCommand, t, strings.Join(texts, "; "))
}

// validateCommand is all that is wrong with a command that can be told without
// looking at the machine.
func validateCommand(c Command) error {
	k := &commandChecker{}
	c.check(k)
	return invalidCommand(c.Type(), k.faults)
}

// commandChecker collects the faults of one command. In encoding mode it asks only
// whether JSON can hold the texts.
type commandChecker struct {
	encoding bool
	visit    func(text string) // is shown every text, if it is not nil
	faults   []commandFault
}

func (k *commandChecker) fault(field, format string, args ...any) {
	if !k.encoding {
		k.faults = append(k.faults, commandFault{field, fmt.Sprintf(format, args...)})
	}
}

// text checks a text that may be anything the operating system can pass on,
// and that a record of the request can hold. It reports whether there is
// nothing wrong with it.
func (k *commandChecker) text(field, s string) bool {
	if k.visit != nil {
		k.visit(s)
	}
	switch {
	case !utf8.ValidString(s):
		k.faults = append(k.faults, commandFault{field, "is not UTF-8"})
		return false
	case strings.IndexByte(s, 0) >= 0:
		k.fault(field, "has a NUL byte")
		return false
	}
	return true
}

// required checks a text that must be there.
func (k *commandChecker) required(field, s string) bool {
	if s == "" {
		k.fault(field, "is empty")
		return false
	}
	return k.text(field, s)
}

// value checks the value of a field that names something: an option's value,
// which must not be taken for an option.
func (k *commandChecker) value(field, s string) {
	if k.text(field, s) && strings.HasPrefix(s, "-") {
		k.fault(field, "begins with a dash: %q would be read as an option", s)
	}
}

// arguments checks each argument, which may be empty or begin with a dash.
func (k *commandChecker) arguments(args []string) {
	for i, s := range args {
		k.text(indexedField("args", i), s)
	}
}

// indexedField names an element of a list.
func indexedField(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }

// once checks that what a field says is not said again by the arguments.
func (k *commandChecker) once(field, s string, args []string, options ...string) {
	if s == "" {
		return
	}
	if option := givenOption(args, options...); option != "" {
		k.fault(field, "is given twice: as a field (%s) and as %s in args", quoteWord(s), option)
	}
}
