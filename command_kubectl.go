package engine

import "slices"

// KubectlCommand runs kubectl. Made by [Kubectl]; the zero value has no
// arguments and is invalid.
//
// Output is JSON where a command reads and can print it (get, events, version,
// config view, auth whoami, rollout history), unless [KubectlCommand.Output]
// or the arguments say otherwise; an --output= without a value is kubectl's
// own format. What changes something tells what it did, as it does for people.
type KubectlCommand struct {
	args                           []string
	context, namespace, kubeconfig string
	output                         string
}

// Kubectl runs a command of kubectl: Kubectl("get", "pods"). A plugin takes
// no fields, because kubectl allows no options before a plugin's name.
func Kubectl(args ...string) KubectlCommand { return KubectlCommand{args: slices.Clone(args)} }

// Context names the context to use. "" is the current one.
func (c KubectlCommand) Context(name string) KubectlCommand {
	c.context = name
	return c
}

// Namespace names the namespace to use. "" is the context's.
func (c KubectlCommand) Namespace(name string) KubectlCommand {
	c.namespace = name
	return c
}

// Kubeconfig names the configuration file to use. "" is kubectl's own choice.
func (c KubectlCommand) Kubeconfig(path string) KubectlCommand {
	c.kubeconfig = path
	return c
}

// Output names the format of the output: json, yaml, wide, name,
// jsonpath=…. "" is the default, see [KubectlCommand].
func (c KubectlCommand) Output(format string) KubectlCommand {
	c.output = format
	return c
}

// Type is [CommandTypeKubectl].
func (KubectlCommand) Type() CommandType { return CommandTypeKubectl }

// String is the command line, quoted and masked; see [Command].
func (c KubectlCommand) String() string { return commandLine(c.argv()) }

func (c KubectlCommand) argv() []string {
	output := c.output
	if output == "" && kubectlReads(c.args) {
		output = "json"
	}
	before, after := ownArgs(c.args)
	return slices.Concat([]string{"kubectl"},
		toolOption("--kubeconfig", c.kubeconfig), toolOption("--context", c.context), toolOption("--namespace", c.namespace),
		before, toolOption("--output", output), after)
}

// kubectlReads tells whether a command prints what it reads, can print it as
// JSON, and is not told to print it otherwise.
func kubectlReads(args []string) bool {
	verb := args[:min(len(args), 2)]
	switch {
	case len(verb) == 0:
		return false
	case slices.Contains([]string{"get", "events", "version"}, verb[0]):
	case slices.Equal(verb, []string{"config", "view"}):
		// Its --raw goes together with a format; that of get does not.
		return givenOption(args, "--output", "-o", "--template") == ""
	case slices.Equal(verb, []string{"auth", "whoami"}), slices.Equal(verb, []string{"rollout", "history"}):
	default:
		return false
	}
	return givenOption(args, "--output", "-o", "--template", "--raw", "--show-labels", "--help", "-h") == ""
}

func (c KubectlCommand) check(k *commandChecker) {
	checkArgs(k, c.args)
	k.value("context", c.context)
	k.value("namespace", c.namespace)
	k.value("kubeconfig", c.kubeconfig)
	k.value("output", c.output)
	k.once("context", c.context, c.args, "--context")
	k.once("namespace", c.namespace, c.args, "--namespace", "-n")
	k.once("kubeconfig", c.kubeconfig, c.args, "--kubeconfig")
	k.once("output", c.output, c.args, "--output", "-o")
}

func (c KubectlCommand) invocation(string) (invocation, error) {
	if err := validateCommand(c); err != nil {
		return invocation{}, err
	}
	return invocation{argv: c.argv(), env: cloudEnv()}, nil
}
