package engine

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// The shell of a [ShellCommand] that names none, and of a script whose name
// ends in .sh.
const (
	defaultShell  = "bash"
	fallbackShell = "sh"
)

// ExecCommand runs a program with arguments, exactly as given: no shell, no
// expansion. Made by [Exec]; the zero value has no program and is invalid.
type ExecCommand struct {
	program string
	args    []string
}

// Exec runs a program: a name that is looked up on the engine's PATH, or a
// path, which is relative to the working directory of the request.
func Exec(program string, args ...string) ExecCommand {
	return ExecCommand{program: program, args: slices.Clone(args)}
}

// Type is [CommandTypeExec].
func (ExecCommand) Type() CommandType { return CommandTypeExec }

// String is the command line, quoted and masked; see [Command].
func (c ExecCommand) String() string { return commandLine(c.argv()) }

func (c ExecCommand) argv() []string { return slices.Concat([]string{c.program}, c.args) }

func (c ExecCommand) check(k *commandChecker) {
	k.required("program", c.program)
	k.arguments(c.args)
}

func (c ExecCommand) invocation(string) (invocation, error) {
	if err := validateCommand(c); err != nil {
		return invocation{}, err
	}
	return invocation{argv: c.argv(), env: commonEnv()}.stoppedByName(), nil
}

// ShellCommand runs a text by a shell: SHELL -c TEXT. Made by [Shell]; the
// zero value has no text and is invalid.
type ShellCommand struct {
	command string
	shell   string
}

// Shell runs a line or more by bash, or by sh where the engine's PATH has
// no bash; [ShellCommand.With] chooses another. The shell is neither a login
// nor an interactive one: profiles are not read.
func Shell(command string) ShellCommand { return ShellCommand{command: command} }

// With chooses the shell: a name or a path of one that takes -c, such as sh,
// zsh, fish or pwsh. "" is the default.
func (c ShellCommand) With(shell string) ShellCommand {
	c.shell = shell
	return c
}

// Type is [CommandTypeShell].
func (ShellCommand) Type() CommandType { return CommandTypeShell }

// String is the command line, quoted and masked; see [Command].
func (c ShellCommand) String() string { return commandLine(c.argv()) }

func (c ShellCommand) argv() []string {
	shell := c.shell
	if shell == "" {
		shell = defaultShell
	}
	return []string{shell, "-c", c.command}
}

func (c ShellCommand) check(k *commandChecker) {
	if k.text("command", c.command) && strings.TrimSpace(c.command) == "" {
		k.fault("command", "is empty")
	}
	k.value("shell", c.shell)
}

func (c ShellCommand) invocation(string) (invocation, error) {
	if err := validateCommand(c); err != nil {
		return invocation{}, err
	}
	inv := invocation{argv: c.argv(), env: commonEnv()}
	if c.shell == "" {
		inv.fallback = fallbackShell
	}
	return inv, nil
}

// ScriptCommand runs a script, which is a file or came with the request. Made
// by [Script] or [InlineScript]; the zero value has neither and is invalid.
//
// What runs it is the interpreter that is named; else what its first line
// names ("#!/usr/bin/env python3"), so that the file need not be executable;
// else what the extension of its name stands for:
//
//	.sh            bash, or sh where there is no bash
//	.bash          bash
//	.py            python3
//	.js .mjs .cjs  node
//	.rb            ruby
//	.pl            perl
//	.ps1           pwsh
//
// Else it is refused. Nothing is ever run by a shell because nobody said what
// should run it.
type ScriptCommand struct {
	path        string
	content     string
	name        string
	interpreter string
	args        []string
	inline      bool
}

// Script runs a script file. A relative path is relative to the working
// directory of the request.
func Script(path string, args ...string) ScriptCommand {
	return ScriptCommand{path: path, args: slices.Clone(args)}
}

// InlineScript runs a script that is given as text. It is put into a private
// file, which is removed at the end. Text without a "#!" line needs
// [ScriptCommand.Interpreter] or [ScriptCommand.Named].
func InlineScript(content string, args ...string) ScriptCommand {
	return ScriptCommand{content: content, args: slices.Clone(args), inline: true}
}

// Interpreter names the program that runs the script: a name that is looked up
// on PATH or a path, without options. "" is the default, see [ScriptCommand].
func (c ScriptCommand) Interpreter(program string) ScriptCommand {
	c.interpreter = program
	return c
}

// Named gives an inline script the name of its file, such as deploy.py, whose
// extension says what runs it. "" is the default.
func (c ScriptCommand) Named(name string) ScriptCommand {
	c.name = name
	return c
}

// Type is [CommandTypeScript].
func (ScriptCommand) Type() CommandType { return CommandTypeScript }

// String is the command line, quoted and masked; see [Command]. A file's own
// first line is not looked at. Of an inline script it has the name and, as a
// comment, the size: not the text.
func (c ScriptCommand) String() string {
	words := []string{c.interpreter}
	if c.interpreter == "" {
		words = nil
		if c.inline {
			words, _, _ = c.interpreters(shebangIn(c.content))
		}
	}
	if !c.inline {
		return commandLine(slices.Concat(words, []string{plainPath(c.path)}, c.args))
	}
	line := commandLine(slices.Concat(words, []string{c.fileName()}, c.args))
	return fmt.Sprintf("%s # inline script, %d bytes", line, len(c.content))
}

func (c ScriptCommand) check(k *commandChecker) {
	switch {
	case !c.inline:
		k.required("path", c.path)
		if c.name != "" {
			k.fault("name", "is for inline content only")
		}
	case c.path != "":
		k.fault("path", "and content exclude each other")
	default:
		if k.text("content", c.content) && strings.TrimSpace(c.content) == "" {
			k.fault("content", "is empty")
		}
	}
	k.value("interpreter", c.interpreter)
	k.value("name", c.name)
	if strings.ContainsAny(c.name, `/\`) || c.name == "." || c.name == ".." {
		k.fault("name", "is not the plain name of a file: %q", c.name)
	}
	k.arguments(c.args)
}

func (c ScriptCommand) invocation(dir string) (invocation, error) {
	if err := validateCommand(c); err != nil {
		return invocation{}, err
	}
	inv := invocation{env: commonEnv()}
	target, first := plainPath(c.path), ""
	problem, readable := "", true
	switch {
	case c.inline:
		inv.script = &scriptFile{name: c.fileName(), content: c.content}
		target, first = scriptPlaceholder, shebangIn(c.content)
	case c.interpreter != "":
		inv.reads = pathWithin(dir, c.path)
	default:
		inv.reads = pathWithin(dir, c.path)
		first, problem, readable = shebangOf(inv.reads)
	}
	var words []string
	if problem == "" && readable {
		words, inv.fallback, problem = c.interpreters(first)
	}
	if problem != "" {
		return invocation{}, invalidCommand(CommandTypeScript, []commandFault{{c.subject(), problem}})
	}
	inv.argv = slices.Concat(words, []string{target}, c.args)
	return inv, nil
}

// interpreters is what runs the script, given its "#!" line if it has one.
func (c ScriptCommand) interpreters(first string) (words []string, fallback, problem string) {
	if c.interpreter != "" {
		return []string{c.interpreter}, "", ""
	}
	if first != "" {
		words, problem = parseShebang(first)
		return words, "", problem
	}
	if words, fallback = interpreterFor(c.path + c.name); words == nil {
		problem = "says nowhere what runs it: name an interpreter, begin it with a line such as #!/bin/sh, or give it an extension such as .sh or .py"
	}
	return words, fallback, problem
}

// subject is how a message names the script.
func (c ScriptCommand) subject() string {
	if c.inline {
		return "content"
	}
	return "path " + quoteWord(c.path)
}

// fileName is the name of an inline script's file. PowerShell runs nothing
// that is not called .ps1.
func (c ScriptCommand) fileName() string {
	interpreter := strings.TrimSuffix(strings.ToLower(filepath.Base(c.interpreter)), ".exe")
	switch {
	case c.name != "":
		return c.name
	case interpreter == "pwsh" || interpreter == "powershell":
		return "script.ps1"
	default:
		return "script"
	}
}

// plainPath is a path that no interpreter takes for an option.
func plainPath(path string) string {
	if strings.HasPrefix(path, "-") {
		return "./" + path
	}
	return path
}

// pathWithin is a path as seen from a directory; "" is the engine's own.
func pathWithin(dir, path string) string {
	if dir == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
