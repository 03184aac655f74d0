package engine

import (
	"maps"
	"slices"
	"strings"
)

// TerraformCommand runs Terraform. Made by [Terraform]; the zero value has no
// subcommand and is invalid.
//
// Output is JSON for the subcommands that print what they read (output, show,
// validate, version, providers schema), unless [TerraformCommand.Output] or a
// -raw in the arguments says otherwise. plan and apply print for people by
// default: a plan is there to be read before it is agreed to.
//
// The workspace is TF_WORKSPACE of the request's environment.
type TerraformCommand struct {
	subcommand  string
	args        []string
	dir         string
	variables   map[string]string
	varFiles    []string
	output      string
	autoApprove bool
	color       bool
}

// Terraform runs a subcommand: Terraform("plan", "-out=tfplan"). Of one in two
// words the second is an argument: Terraform("state", "list").
func Terraform(subcommand string, args ...string) TerraformCommand {
	return TerraformCommand{subcommand: subcommand, args: slices.Clone(args)}
}

// Dir names the directory with the configuration (-chdir), relative to the
// working directory of the request. Other paths are relative to it. "" is the
// working directory.
func (c TerraformCommand) Dir(path string) TerraformCommand {
	c.dir = path
	return c
}

// Var sets an input variable (-var), for plan, apply, destroy, refresh,
// import, console and test. Of two values for one name the later holds. The
// value is on the command line, for every user of the machine to see: what is
// secret belongs into TF_VAR_name of the request's environment.
func (c TerraformCommand) Var(name, value string) TerraformCommand {
	c.variables = maps.Clone(c.variables)
	if c.variables == nil {
		c.variables = map[string]string{}
	}
	c.variables[name] = value
	return c
}

// VarFile adds a file of input variables (-var-file), for the same subcommands
// as [TerraformCommand.Var].
func (c TerraformCommand) VarFile(path string) TerraformCommand {
	c.varFiles = append(slices.Clone(c.varFiles), path)
	return c
}

// AutoApprove lets apply or destroy go on without asking (-auto-approve).
func (c TerraformCommand) AutoApprove() TerraformCommand {
	c.autoApprove = true
	return c
}

// Output is json (-json) or text. "" is the default, see [TerraformCommand].
func (c TerraformCommand) Output(format string) TerraformCommand {
	c.output = format
	return c
}

// Color lets Terraform colour its text, which it otherwise does even into a
// pipe: NO_COLOR does not stop it, -no-color does.
func (c TerraformCommand) Color() TerraformCommand {
	c.color = true
	return c
}

// Type is [CommandTypeTerraform].
func (TerraformCommand) Type() CommandType { return CommandTypeTerraform }

// String is the command line, quoted and masked; see [Command].
func (c TerraformCommand) String() string { return commandLine(c.argv()) }

func (c TerraformCommand) argv() []string {
	argv := append([]string{"terraform"}, toolOption("-chdir", c.dir)...)
	words, rest := c.words()
	argv = append(argv, words...)
	// Options go before the arguments: the first that is none ends them.
	if c.json(words) {
		argv = append(argv, "-json")
	}
	if !c.color && c.given("-no-color") == "" {
		argv = append(argv, "-no-color")
	}
	if c.autoApprove && c.given("-auto-approve") == "" {
		argv = append(argv, "-auto-approve")
	}
	for _, name := range slices.Sorted(maps.Keys(c.variables)) {
		argv = append(argv, "-var="+name+"="+c.variables[name])
	}
	for _, path := range c.varFiles {
		argv = append(argv, "-var-file="+path)
	}
	return append(argv, rest...)
}

// words splits what the subcommand is from what it is given.
func (c TerraformCommand) words() (words, rest []string) {
	words, rest = []string{c.subcommand}, c.args
	if len(rest) == 0 || strings.HasPrefix(rest[0], "-") {
		return words, rest
	}
	switch c.subcommand {
	case "state", "workspace", "metadata", "providers":
		return append(words, rest[0]), rest[1:]
	default:
		return words, rest
	}
}

func (c TerraformCommand) json(words []string) bool {
	if c.given("-json") != "" || c.output == "text" {
		return false
	}
	if c.output == "json" {
		return true
	}
	switch strings.Join(words, " ") {
	case "output", "show", "validate", "version", "providers schema":
		return c.given("-raw") == ""
	default:
		return false
	}
}

// given is an option of the arguments. Terraform takes one dash or two.
func (c TerraformCommand) given(name string) string {
	return givenOption(c.args, name, "-"+name)
}

func (c TerraformCommand) check(k *commandChecker) {
	if k.required("subcommand", c.subcommand) {
		k.value("subcommand", c.subcommand)
		if strings.ContainsAny(c.subcommand, " \t\n") {
			k.fault("subcommand", "is more than one word: put the rest of %q into args", c.subcommand)
		}
	}
	k.arguments(c.args)
	k.value("dir", c.dir)
	for i, path := range c.varFiles {
		if k.required(indexedField("var_files", i), path) {
			k.value(indexedField("var_files", i), path)
		}
	}
	c.checkVariables(k)
	if c.output != "" && c.output != "json" && c.output != "text" {
		k.fault("output", "is %q: json and text are known", c.output)
	}
	k.text("output", c.output)
	if c.autoApprove && c.subcommand != "apply" && c.subcommand != "destroy" {
		k.fault("auto_approve", "is for apply and destroy, not for %s", quoteWord(c.subcommand))
	}
}

func (c TerraformCommand) checkVariables(k *commandChecker) {
	for _, name := range slices.Sorted(maps.Keys(c.variables)) {
		k.text("variables", name)
		if name == "" || strings.HasPrefix(name, "-") || strings.ContainsAny(name, "= \t\n") {
			k.fault("variables", "has %q, which is no name of a variable", name)
		}
		k.text("variables."+name, c.variables[name])
	}
	switch c.subcommand {
	case "plan", "apply", "destroy", "refresh", "import", "console", "test":
		return
	}
	const only = "is for plan, apply, destroy, refresh, import, console and test, not for %s"
	if len(c.variables) > 0 {
		k.fault("variables", only, quoteWord(c.subcommand))
	}
	if len(c.varFiles) > 0 {
		k.fault("var_files", only, quoteWord(c.subcommand))
	}
}

func (c TerraformCommand) invocation(dir string) (invocation, error) {
	if err := validateCommand(c); err != nil {
		return invocation{}, err
	}
	inv := invocation{
		argv: c.argv(),
		env:  cloudEnv("TF_IN_AUTOMATION=1", "TF_INPUT=0"),
	}
	if c.dir != "" {
		inv.readsDir = pathWithin(dir, c.dir)
	}
	return inv.stoppedByName(), nil
}
