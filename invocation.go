package engine

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// invocation is a command resolved to what the operating system is asked to
// run. It is plain data: who starts it looks up programs, checks what it
// reads, and writes the script.
type invocation struct {
	argv       []string      // argv[0]: the program as asked, a name to look up on PATH or a path
	fallback   string        // the program to run where argv[0] is not on PATH; "" = none
	env        []string      // "K=V", defaults: over what is inherited, under the request's own
	script     *scriptFile   // inline content, to be put into a private file first; nil = none
	reads      string        // a script that must exist and be readable before the start; "" = none
	readsDir   string        // a directory that must exist before the start; "" = none. Not where to start in
	stopSignal string        // the signal that asks the command to stop, without "SIG"; "" = the engine's default
	grace      time.Duration // how long it may take to stop; 0 = the engine's default
	killMode   KillMode      // who gets the signal; "" = the engine's default
}

// stoppedByName adds how the program that is run wants to be stopped, known by its
// base name, so that it makes no difference which kind of command runs it.
// Terraform and its kin finish what they are doing and release their locks on the
// first INT; a second signal makes them leave at once, and the state locked.
// Terragrunt passes its INT on to the terraform that it runs, which must not have
// got one already.
func (inv invocation) stoppedByName() invocation {
	name := strings.TrimSuffix(filepath.Base(inv.argv[0]), ".exe")
	switch name {
	case "terraform", "tofu", "terragrunt":
		inv.stopSignal, inv.grace = "INT", time.Minute
	}
	if name == "terragrunt" {
		inv.killMode = KillLeader
	}
	return inv
}

// scriptFile is a script that came with the request.
type scriptFile struct {
	name    string // base name of the private file; what the script sees as its own name
	content string
}

// scriptPlaceholder stands in argv where the path of the private file goes.
// It cannot be an argument, because no argument has a NUL.
const scriptPlaceholder = "\x00script"

// What kind of terminal a command finds.
const (
	noTerminalType = "TERM=dumb"
	terminalType   = "TERM=xterm-256color"
)

// commonEnv is the environment of a command: what holds for every command that
// has no terminal (see onTerminal), and then its own.
func commonEnv(own ...string) []string {
	return append([]string{noTerminalType, "PAGER=cat", "GIT_TERMINAL_PROMPT=0"}, own...)
}

// cloudEnv is the environment of a cloud tool. Colour is switched off
// here only: what a program, a shell or a script prints is its author's
// choice, and most see for themselves that there is no terminal.
func cloudEnv(own ...string) []string {
	return commonEnv(append([]string{"NO_COLOR=1"}, own...)...)
}

// toolOption is "--name=value" in a list of its own, or nothing without a value.
// One word, so that a value is never taken for an option.
func toolOption(name, value string) []string {
	if value == "" {
		return nil
	}
	return []string{name + "=" + value}
}

// ownArgs splits arguments at the "--" after which they are meant for another
// program: kubectl exec pod -- ls.
func ownArgs(args []string) (before, after []string) {
	if i := slices.Index(args, "--"); i >= 0 {
		return args[:i], args[i:]
	}
	return args, nil
}

// givenOption is the first of the named options that args hold, "" if none:
// --name value, --name=value, -n value, -nvalue, and -n behind switches of one
// letter that take no value (-Aojson).
func givenOption(args []string, names ...string) string {
	args, _ = ownArgs(args)
	for _, arg := range args {
		for _, name := range names {
			if isOption(arg, name) {
				return name
			}
		}
	}
	return ""
}

func isOption(arg, name string) bool {
	if arg == name || strings.HasPrefix(arg, name+"=") {
		return true
	}
	if len(name) != 2 || len(arg) < 2 || arg[0] != '-' || arg[1] == '-' {
		return false
	}
	// The letters are kubectl's switches. A letter that takes a value ends
	// them: in -lapp=foo the o is no option.
	return strings.HasPrefix(strings.TrimLeft(arg[1:], "ARhiqtw"), name[1:])
}

// interpreterLimit is how much of a script the kernel looks at for "#!".
const interpreterLimit = 256

// shebangOf is the first line of a script file if it begins with "#!", else "".
// It is not ok where the file cannot be read: that is for the one who starts
// the command to find, and to name.
func shebangOf(path string) (line, problem string, ok bool) {
	info, err := os.Stat(path)
	if err != nil {
		return "", "", false
	}
	// Opening a pipe would wait for its writer.
	if !info.Mode().IsRegular() {
		return "", "is not a regular file: name an interpreter that takes it", true
	}
	file, err := os.Open(path)
	if err != nil {
		return "", "", false
	}
	head, err := io.ReadAll(io.LimitReader(file, interpreterLimit))
	if err := errors.Join(err, file.Close()); err != nil {
		return "", "", false
	}
	return shebangIn(string(head)), "", true
}

// shebangIn is the first line of a script if it begins with "#!", else "".
func shebangIn(script string) string {
	if !strings.HasPrefix(script, "#!") {
		return ""
	}
	line, _, _ := strings.Cut(script[:min(len(script), interpreterLimit)], "\n")
	return line
}

// parseShebang splits a first line as Linux does, on every platform: the
// interpreter up to the first blank, and the rest, if any, as one argument.
func parseShebang(line string) (words []string, problem string) {
	rest := strings.Trim(strings.TrimPrefix(line, "#!"), " \t")
	switch {
	case strings.HasSuffix(rest, "\r"):
		return nil, "has a first line that ends in CR LF: save it with LF line endings, or name an interpreter"
	case rest == "":
		return nil, "has a first line \"#!\" without a program: name an interpreter"
	}
	program, argument := rest, ""
	if i := strings.IndexAny(rest, " \t"); i >= 0 {
		program, argument = rest[:i], strings.TrimLeft(rest[i:], " \t")
	}
	if !strings.ContainsRune(program, '/') {
		return nil, "has a first line that names " + quoteWord(program) + " without its path: write #!/usr/bin/env " + program + ", or name an interpreter"
	}
	if argument == "" {
		return []string{program}, ""
	}
	return []string{program, argument}, ""
}

// interpreterFor is what runs a script by the extension of its name, and what
// runs it where that is missing; nil if there is no rule.
func interpreterFor(name string) (words []string, fallback string) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".sh":
		return []string{defaultShell}, fallbackShell
	case ".bash":
		return []string{"bash"}, ""
	case ".py":
		return []string{"python3"}, ""
	case ".js", ".mjs", ".cjs":
		return []string{"node"}, ""
	case ".rb":
		return []string{"ruby"}, ""
	case ".pl":
		return []string{"perl"}, ""
	case ".ps1":
		// Without -File, Windows PowerShell takes the path for a command.
		return []string{"pwsh", "-NoProfile", "-NonInteractive", "-File"}, ""
	default:
		return nil, ""
	}
}
