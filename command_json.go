package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// ParseCommand reads a command from JSON: one object with its kind in "type"
// and its fields beside it, such as
//
//	{"type":"shell","command":"df -h | sort","shell":"sh"}
//	{"type":"aws_cli","service":"s3","operation":"ls","profile":"prod"}
//
// A field that is left out or null has its default. Everything else is told at
// once, in one [ErrInvalidCommand] that names the fields: a kind that does not
// exist, a field that is missing, has the wrong type, is there twice or does
// not belong to the kind, and every value that would be refused at the start. Of a
// plan all is told by a [PlanError].
func ParseCommand(data []byte) (Command, error) {
	members, err := readMembers(data)
	if err != nil {
		return nil, err
	}
	kind, err := commandType(members)
	if err != nil {
		return nil, err
	}
	if kind == CommandTypePlan {
		return parsePlanCommand(data)
	}
	command, faults := readCommand(kind, members)
	if err := invalidCommand(kind, faults); err != nil {
		return nil, err
	}
	return command, nil
}

// readCommand reads a command of a kind, which is no plan, and tells all that is wrong with it.
func readCommand(kind CommandType, members []jsonField) (Command, []commandFault) {
	r := &commandReader{kind: kind, members: members, known: []string{"type"}}
	command := r.command()
	r.refuseRest()
	k := &commandChecker{}
	command.check(k)
	for _, f := range k.faults {
		if !slices.Contains(r.bad, f.field) {
			r.faults = append(r.faults, f)
		}
	}
	return command, r.faults
}

// commandType is the kind that the members name.
func commandType(members []jsonField) (CommandType, error) {
	types := joinWords(commandTypes())
	i := slices.IndexFunc(members, func(m jsonField) bool { return m.name == "type" })
	if i < 0 || string(members[i].value) == "null" {
		return "", fmt.Errorf("%w: type is missing: one of %s", ErrInvalidCommand, types)
	}
	var kind CommandType
	if err := json.Unmarshal(members[i].value, &kind); err != nil {
		return "", fmt.Errorf("%w: type is not a string: one of %s", ErrInvalidCommand, types)
	}
	if !slices.Contains(commandTypes(), kind) {
		return "", fmt.Errorf("%w: type %q is unknown: one of %s", ErrInvalidCommand, kind, types)
	}
	return kind, nil
}

// command reads the fields of the kind.
func (r *commandReader) command() Command {
	switch r.kind {
	case CommandTypeExec:
		return ExecCommand{program: r.must("program"), args: r.list("args")}
	case CommandTypeShell:
		return ShellCommand{command: r.must("command"), shell: r.text("shell")}
	case CommandTypeScript:
		return r.script()
	case CommandTypeAWS:
		return AWSCommand{
			service: r.must("service"), operation: r.must("operation"), args: r.list("args"),
			profile: r.text("profile"), region: r.text("region"), output: r.text("output"),
		}
	case CommandTypeGcloud:
		return GcloudCommand{
			args: r.list("args"), project: r.text("project"), account: r.text("account"),
			configuration: r.text("configuration"), region: r.text("region"), zone: r.text("zone"),
			format: r.text("format"),
		}
	case CommandTypeAz:
		return AzCommand{args: r.list("args"), subscription: r.text("subscription"), output: r.text("output")}
	case CommandTypeKubectl:
		return KubectlCommand{
			args: r.list("args"), context: r.text("context"), namespace: r.text("namespace"),
			kubeconfig: r.text("kubeconfig"), output: r.text("output"),
		}
	case CommandTypeTerraform:
		return TerraformCommand{
			subcommand: r.must("subcommand"), args: r.list("args"), dir: r.text("dir"),
			variables: r.object("variables"), varFiles: r.list("var_files"), output: r.text("output"),
			autoApprove: r.flag("auto_approve"), color: r.flag("color"),
		}
	case CommandTypePlan: // has a reader of its own
	}
	return ExecCommand{} // commandType let no other kind through
}

func (r *commandReader) script() ScriptCommand {
	c := ScriptCommand{}
	hasPath := r.take("path", &c.path, "a string")
	c.inline = r.take("content", &c.content, "a string")
	c.name, c.interpreter, c.args = r.text("name"), r.text("interpreter"), r.list("args")
	switch {
	case hasPath && c.inline:
		r.fault("path", "and content exclude each other")
	case !hasPath && !c.inline:
		r.fault("path", "is missing, and so is content")
	}
	return c
}

// joinWords lists words for a message.
func joinWords[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}

// encodeCommand is the JSON of a command, whose fields wire holds.
func encodeCommand(c Command, wire any) ([]byte, error) {
	k := &commandChecker{encoding: true}
	c.check(k)
	if err := invalidCommand(c.Type(), k.faults); err != nil {
		return nil, err
	}
	return json.Marshal(wire)
}

// argsOrEmpty is never null in JSON.
func argsOrEmpty(args []string) []string {
	if args == nil {
		return []string{}
	}
	return args
}

// MarshalJSON is {"type":"exec","program":…,"args":[…]}; see [Command].
func (c ExecCommand) MarshalJSON() ([]byte, error) {
	return encodeCommand(c, struct {
		Type    CommandType `json:"type"`
		Program string      `json:"program"`
		Args    []string    `json:"args"`
	}{c.Type(), c.program, argsOrEmpty(c.args)})
}

// MarshalJSON is {"type":"shell","command":…} and "shell" if one is chosen; see
// [Command].
func (c ShellCommand) MarshalJSON() ([]byte, error) {
	return encodeCommand(c, struct {
		Type    CommandType `json:"type"`
		Command string      `json:"command"`
		Shell   string      `json:"shell,omitempty"`
	}{c.Type(), c.command, c.shell})
}

// MarshalJSON is {"type":"script"} with "path", or with "content" and "name",
// and with "interpreter" and "args" if there are any; see [Command].
func (c ScriptCommand) MarshalJSON() ([]byte, error) {
	var content *string
	if c.inline {
		content = &c.content
	}
	return encodeCommand(c, struct {
		Type        CommandType `json:"type"`
		Path        string      `json:"path,omitempty"`
		Content     *string     `json:"content,omitempty"`
		Name        string      `json:"name,omitempty"`
		Interpreter string      `json:"interpreter,omitempty"`
		Args        []string    `json:"args,omitempty"`
	}{c.Type(), c.path, content, c.name, c.interpreter, c.args})
}

// MarshalJSON is {"type":"aws_cli","service":…,"operation":…,"args":[…]} with
// "profile", "region" and "output" if they are set; see [Command].
func (c AWSCommand) MarshalJSON() ([]byte, error) {
	return encodeCommand(c, struct {
		Type      CommandType `json:"type"`
		Service   string      `json:"service"`
		Operation string      `json:"operation"`
		Args      []string    `json:"args"`
		Profile   string      `json:"profile,omitempty"`
		Region    string      `json:"region,omitempty"`
		Output    string      `json:"output,omitempty"`
	}{c.Type(), c.service, c.operation, argsOrEmpty(c.args), c.profile, c.region, c.output})
}

// MarshalJSON is {"type":"gcloud","args":[…]} with "project", "account",
// "configuration", "region", "zone" and "format" if they are set; see
// [Command].
func (c GcloudCommand) MarshalJSON() ([]byte, error) {
	return encodeCommand(c, struct {
		Type          CommandType `json:"type"`
		Args          []string    `json:"args"`
		Project       string      `json:"project,omitempty"`
		Account       string      `json:"account,omitempty"`
		Configuration string      `json:"configuration,omitempty"`
		Region        string      `json:"region,omitempty"`
		Zone          string      `json:"zone,omitempty"`
		Format        string      `json:"format,omitempty"`
	}{c.Type(), argsOrEmpty(c.args), c.project, c.account, c.configuration, c.region, c.zone, c.format})
}

// MarshalJSON is {"type":"az","args":[…]} with "subscription" and "output" if
// they are set; see [Command].
func (c AzCommand) MarshalJSON() ([]byte, error) {
	return encodeCommand(c, struct {
		Type         CommandType `json:"type"`
		Args         []string    `json:"args"`
		Subscription string      `json:"subscription,omitempty"`
		Output       string      `json:"output,omitempty"`
	}{c.Type(), argsOrEmpty(c.args), c.subscription, c.output})
}

// MarshalJSON is {"type":"kubectl","args":[…]} with "context", "namespace",
// "kubeconfig" and "output" if they are set; see [Command].
func (c KubectlCommand) MarshalJSON() ([]byte, error) {
	return encodeCommand(c, struct {
		Type       CommandType `json:"type"`
		Args       []string    `json:"args"`
		Context    string      `json:"context,omitempty"`
		Namespace  string      `json:"namespace,omitempty"`
		Kubeconfig string      `json:"kubeconfig,omitempty"`
		Output     string      `json:"output,omitempty"`
	}{c.Type(), argsOrEmpty(c.args), c.context, c.namespace, c.kubeconfig, c.output})
}

// MarshalJSON is {"type":"terraform","subcommand":…,"args":[…]} with "dir",
// "variables", "var_files", "output", "auto_approve" and "color" if they are
// set; see [Command].
func (c TerraformCommand) MarshalJSON() ([]byte, error) {
	return encodeCommand(c, struct {
		Type        CommandType       `json:"type"`
		Subcommand  string            `json:"subcommand"`
		Args        []string          `json:"args"`
		Dir         string            `json:"dir,omitempty"`
		Variables   map[string]string `json:"variables,omitempty"`
		VarFiles    []string          `json:"var_files,omitempty"`
		Output      string            `json:"output,omitempty"`
		AutoApprove bool              `json:"auto_approve,omitempty"`
		Color       bool              `json:"color,omitempty"`
	}{c.Type(), c.subcommand, argsOrEmpty(c.args), c.dir, c.variables, c.varFiles, c.output, c.autoApprove, c.color})
}
