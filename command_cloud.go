package engine

import "slices"

// AWSCommand runs the AWS CLI. Made by [AWS]; the zero value has no service
// and is invalid. Output is JSON unless [AWSCommand.Output] or an --output in
// the arguments says otherwise.
type AWSCommand struct {
	service, operation      string
	args                    []string
	profile, region, output string
}

// AWS runs an operation of a service: AWS("ec2", "describe-instances").
// Version 1 and version 2 of the CLI serve alike.
func AWS(service, operation string, args ...string) AWSCommand {
	return AWSCommand{service: service, operation: operation, args: slices.Clone(args)}
}

// Profile names the profile to use. Unlike AWS_PROFILE, it wins over
// credentials in the environment. "" is the CLI's own choice.
func (c AWSCommand) Profile(name string) AWSCommand {
	c.profile = name
	return c
}

// Region names the region to use. "" is the CLI's own choice.
func (c AWSCommand) Region(name string) AWSCommand {
	c.region = name
	return c
}

// Output names the format of the output: json, text, table, yaml. "" is json.
func (c AWSCommand) Output(format string) AWSCommand {
	c.output = format
	return c
}

// Type is [CommandTypeAWS].
func (AWSCommand) Type() CommandType { return CommandTypeAWS }

// String is the command line, quoted and masked; see [Command].
func (c AWSCommand) String() string { return commandLine(c.argv()) }

func (c AWSCommand) argv() []string {
	return slices.Concat([]string{"aws"},
		toolOption("--profile", c.profile), toolOption("--region", c.region), toolOption("--output", c.output),
		[]string{c.service, c.operation}, c.args)
}

func (c AWSCommand) check(k *commandChecker) {
	if k.required("service", c.service) {
		k.value("service", c.service)
	}
	if k.required("operation", c.operation) {
		k.value("operation", c.operation)
	}
	k.arguments(c.args)
	k.value("profile", c.profile)
	k.value("region", c.region)
	k.value("output", c.output)
	k.once("profile", c.profile, c.args, "--profile")
	k.once("region", c.region, c.args, "--region")
	k.once("output", c.output, c.args, "--output")
}

func (c AWSCommand) invocation(string) (invocation, error) {
	if err := validateCommand(c); err != nil {
		return invocation{}, err
	}
	// --no-cli-pager would do too, but version 1 does not know it.
	return invocation{argv: c.argv(), env: cloudEnv(
		"AWS_DEFAULT_OUTPUT=json", "AWS_PAGER=", "AWS_CLI_AUTO_PROMPT=off")}, nil
}

// GcloudCommand runs the Google Cloud CLI. Made by [Gcloud]; the zero value
// has no arguments and is invalid. Output is JSON unless
// [GcloudCommand.Format] or a --format in the arguments says otherwise.
type GcloudCommand struct {
	args                            []string
	project, account, configuration string
	region, zone, format            string
}

// Gcloud runs a command of gcloud: Gcloud("compute", "instances", "list").
func Gcloud(args ...string) GcloudCommand { return GcloudCommand{args: slices.Clone(args)} }

// Project names the project to use. "" is gcloud's own choice.
func (c GcloudCommand) Project(id string) GcloudCommand {
	c.project = id
	return c
}

// Account names the account to use. "" is gcloud's own choice.
func (c GcloudCommand) Account(name string) GcloudCommand {
	c.account = name
	return c
}

// Configuration names the configuration to use. "" is the active one.
func (c GcloudCommand) Configuration(name string) GcloudCommand {
	c.configuration = name
	return c
}

// Region adds --region. gcloud refuses it where a command does not take it.
func (c GcloudCommand) Region(name string) GcloudCommand {
	c.region = name
	return c
}

// Zone adds --zone. gcloud refuses it where a command does not take it.
func (c GcloudCommand) Zone(name string) GcloudCommand {
	c.zone = name
	return c
}

// Format names the format of the output, such as yaml or "value(name)";
// "default" is the command's own. "" is json.
func (c GcloudCommand) Format(format string) GcloudCommand {
	c.format = format
	return c
}

// Type is [CommandTypeGcloud].
func (GcloudCommand) Type() CommandType { return CommandTypeGcloud }

// String is the command line, quoted and masked; see [Command].
func (c GcloudCommand) String() string { return commandLine(c.argv()) }

func (c GcloudCommand) argv() []string {
	// A variable will not do: commands with a format of their own ignore
	// core/format and core/default_format.
	format := c.format
	if format == "" && givenOption(c.args, "--format") == "" {
		format = "json"
	}
	before, after := ownArgs(c.args)
	return slices.Concat([]string{"gcloud"},
		toolOption("--configuration", c.configuration), toolOption("--account", c.account),
		toolOption("--project", c.project), toolOption("--format", format),
		before, toolOption("--region", c.region), toolOption("--zone", c.zone), after)
}

func (c GcloudCommand) check(k *commandChecker) {
	checkArgs(k, c.args)
	for _, f := range []struct{ field, value string }{
		{"project", c.project},
		{"account", c.account},
		{"configuration", c.configuration},
		{"region", c.region},
		{"zone", c.zone},
		{"format", c.format},
	} {
		k.value(f.field, f.value)
		k.once(f.field, f.value, c.args, "--"+f.field)
	}
}

func (c GcloudCommand) invocation(string) (invocation, error) {
	if err := validateCommand(c); err != nil {
		return invocation{}, err
	}
	return invocation{argv: c.argv(), env: cloudEnv("CLOUDSDK_CORE_DISABLE_PROMPTS=1")}, nil
}

// AzCommand runs the Azure CLI. Made by [Az]; the zero value has no arguments
// and is invalid. Output is JSON unless [AzCommand.Output] or an --output in
// the arguments says otherwise.
type AzCommand struct {
	args                 []string
	subscription, output string
}

// Az runs a command of az: Az("vm", "list"). A command that asks for
// confirmation fails unless the arguments have --yes.
func Az(args ...string) AzCommand { return AzCommand{args: slices.Clone(args)} }

// Subscription names the subscription to use, by name or id. "" is az's own
// choice.
func (c AzCommand) Subscription(name string) AzCommand {
	c.subscription = name
	return c
}

// Output names the format of the output: json, jsonc, none, table, tsv, yaml.
// "" is json.
func (c AzCommand) Output(format string) AzCommand {
	c.output = format
	return c
}

// Type is [CommandTypeAz].
func (AzCommand) Type() CommandType { return CommandTypeAz }

// String is the command line, quoted and masked; see [Command].
func (c AzCommand) String() string { return commandLine(c.argv()) }

func (c AzCommand) argv() []string {
	before, after := ownArgs(c.args)
	return slices.Concat([]string{"az"}, before,
		toolOption("--subscription", c.subscription), toolOption("--output", c.output), after)
}

func (c AzCommand) check(k *commandChecker) {
	checkArgs(k, c.args)
	k.value("subscription", c.subscription)
	k.value("output", c.output)
	k.once("subscription", c.subscription, c.args, "--subscription")
	k.once("output", c.output, c.args, "--output", "--out", "-o")
}

func (c AzCommand) invocation(string) (invocation, error) {
	if err := validateCommand(c); err != nil {
		return invocation{}, err
	}
	// AZURE_CORE_DISABLE_CONFIRM_PROMPT would be a --yes to everything, and
	// AZURE_CORE_ONLY_SHOW_ERRORS would hide warnings, which are on stderr.
	return invocation{argv: c.argv(), env: cloudEnv(
		"AZURE_CORE_OUTPUT=json", "AZURE_CORE_NO_COLOR=true")}, nil
}

// checkArgs checks the arguments of a tool that is nothing without.
func checkArgs(k *commandChecker, args []string) {
	if len(args) == 0 {
		k.fault("args", "is empty")
	}
	k.arguments(args)
}
