package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// everyCommand is the environment that every command gets.
func everyCommand() []string { return []string{"TERM=dumb", "PAGER=cat", "GIT_TERMINAL_PROMPT=0"} }

func TestCommand_InvocationOfProgramsAndShells(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		command Command
		want    invocation
	}{
		{Exec("ls", "-l", "", "$HOME; ls"), invocation{argv: []string{"ls", "-l", "", "$HOME; ls"}}},
		{Shell("ls; ls"), invocation{argv: []string{"bash", "-c", "ls; ls"}, fallback: "sh"}},
		{Shell("-x").With("fish"), invocation{argv: []string{"fish", "-c", "-x"}}},
		{Shell("ls").With("fish").With(""), invocation{argv: []string{"bash", "-c", "ls"}, fallback: "sh"}},
	} {
		tt.want.env = everyCommand()
		checkInvocation(t, tt.command, "/srv", tt.want)
	}
}

func TestCommand_InvocationOfScriptFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"env":       "#!/usr/bin/env python3\nprint(1)\n",
		"spaces":    "#! \t/bin/sh \t -e -u  \t\nls\n",
		"plain.py":  "print(1)\n",
		"shebang.p": "#!/usr/bin/perl",
		"sh.SH":     "ls\n",
		"b.bash":    "ls\n",
		"n.mjs":     "1\n",
		"r.rb":      "1\n",
		"p.pl":      "1\n",
		"w.ps1":     "1\n",
		"long":      "#!/bin/sh " + strings.Repeat("x", 300) + "\n",
		"-dash.py":  "print(1)\n",
	} {
		writeScript(t, filepath.Join(dir, name), content)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, tt := range []struct {
		command Command
		want    invocation
	}{
		{Script("env", "-a"), invocation{argv: []string{"/usr/bin/env", "python3", "env", "-a"}}},
		{Script(at("env")), invocation{argv: []string{"/usr/bin/env", "python3", at("env")}}},
		{Script("env").Interpreter("pypy"), invocation{argv: []string{"pypy", "env"}}},
		{Script("spaces"), invocation{argv: []string{"/bin/sh", "-e -u", "spaces"}}},
		{Script("plain.py", "x"), invocation{argv: []string{"python3", "plain.py", "x"}}},
		{Script("-dash.py"), invocation{argv: []string{"python3", "./-dash.py"}}},
		{Script("shebang.p"), invocation{argv: []string{"/usr/bin/perl", "shebang.p"}}},
		{Script("sh.SH"), invocation{argv: []string{"bash", "sh.SH"}, fallback: "sh"}},
		{Script("b.bash"), invocation{argv: []string{"bash", "b.bash"}}},
		{Script("n.mjs"), invocation{argv: []string{"node", "n.mjs"}}},
		{Script("r.rb"), invocation{argv: []string{"ruby", "r.rb"}}},
		{Script("p.pl"), invocation{argv: []string{"perl", "p.pl"}}},
		{Script("w.ps1"), invocation{argv: []string{"pwsh", "-NoProfile", "-NonInteractive", "-File", "w.ps1"}}},
		{Script("long"), invocation{argv: []string{"/bin/sh", strings.Repeat("x", interpreterLimit-len("#!/bin/sh ")), "long"}}},
		// What is missing is for the one who starts it to find, and to name.
		{Script("missing"), invocation{argv: []string{"missing"}}},
		{Script("missing").Interpreter("sh"), invocation{argv: []string{"sh", "missing"}}},
	} {
		script, ok := tt.command.(ScriptCommand)
		if !ok {
			t.Fatalf("%T is no script", tt.command)
		}
		tt.want.env, tt.want.reads = everyCommand(), at(filepath.Base(script.path))
		checkInvocation(t, tt.command, dir, tt.want)
	}
}

func TestCommand_InvocationOfInlineScripts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		command ScriptCommand
		argv    []string
		name    string
	}{
		{InlineScript("#!/bin/sh\nls", "a"), []string{"/bin/sh", scriptPlaceholder, "a"}, "script"},
		{InlineScript("print(1)").Named("x.py"), []string{"python3", scriptPlaceholder}, "x.py"},
		{InlineScript("#!/bin/sh").Named("x.py"), []string{"/bin/sh", scriptPlaceholder}, "x.py"},
		{InlineScript("#!/bin/sh").Interpreter("ruby"), []string{"ruby", scriptPlaceholder}, "script"},
		{InlineScript("1").Interpreter("/usr/bin/pwsh"), []string{"/usr/bin/pwsh", scriptPlaceholder}, "script.ps1"},
	} {
		want := invocation{argv: tt.argv, env: everyCommand(), script: &scriptFile{name: tt.name, content: tt.command.content}}
		if filepath.Ext(tt.name) == ".sh" {
			want.fallback = "sh"
		}
		checkInvocation(t, tt.command, "", want)
	}
}

func TestCommand_InvocationRefusesBeforeTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeScript(t, filepath.Join(dir, "crlf"), "#!/bin/sh\r\nls\r\n")
	writeScript(t, filepath.Join(dir, "none"), "#! \nls\n")
	writeScript(t, filepath.Join(dir, "bare"), "#!bash -e\nls\n")
	writeScript(t, filepath.Join(dir, "text"), "ls\n")
	for _, tt := range []struct {
		command Command
		want    string
	}{
		{ExecCommand{}, "exec: program is empty"},
		{Exec("ls", "a", "b\x00"), "exec: args[1] has a NUL byte"},
		{Exec("ls", "\xff"), "exec: args[0] is not UTF-8"},
		{ShellCommand{}, "shell: command is empty"},
		{Shell("a\x00"), "shell: command has a NUL byte"},
		{ScriptCommand{}, "script: path is empty"},
		{Script("crlf"), "script: path crlf has a first line that ends in CR LF"},
		{Script("none"), `script: path none has a first line "#!" without a program`},
		{Script("bare"), "script: path bare has a first line that names bash without its path: write #!/usr/bin/env bash"},
		{Script("text"), "script: path text says nowhere what runs it: name an interpreter"},
		{Script("."), "script: path . is not a regular file"},
		{InlineScript("ls"), "script: content says nowhere what runs it"},
		{InlineScript(" \n"), "script: content is empty"},
		{InlineScript("ls\x00"), "script: content has a NUL byte"},
		{InlineScript("ls").Named("-a.sh"), "script: name begins with a dash"},
		{Script("text").Interpreter("-sh"), "script: interpreter begins with a dash"},
		{AWS("", ""), "aws_cli: service is empty; operation is empty"},
		{AWS("--debug", "ls"), `aws_cli: service begins with a dash`},
		{AWS("s3", "ls").Profile("--endpoint-url=http://evil"), "aws_cli: profile begins with a dash"},
		{AWS("s3", "ls", "--output", "text").Output("json"), "aws_cli: output is given twice"},
		{Gcloud("a").Project("-p").Account("-a").Configuration("-c").Region("-r").Zone("-z").Format("-f"), "gcloud: project begins with a dash"},
		{Az("a", "--out", "x").Output("json"), "az: output is given twice: as a field (json) and as --out in args"},
		{Kubectl(), "kubectl: args is empty"},
		{Kubectl("logs").Context("--kubeconfig=/tmp/x"), "kubectl: context begins with a dash"},
		{Kubectl("get", "pods", "-Aojson").Output("yaml"), "kubectl: output is given twice: as a field (yaml) and as -o in args"},
		{Terraform("-version"), "terraform: subcommand begins with a dash"},
		{Terraform("plan").Dir("-d"), "terraform: dir begins with a dash"},
		{Terraform("plan").Var("a=b", "c").Var("", "x"), `terraform: variables has "", which is no name of a variable; variables has "a=b"`},
		{Terraform("plan").VarFile(""), "terraform: var_files[0] is empty"},
	} {
		inv, err := tt.command.invocation(dir)
		if !errors.Is(err, ErrInvalidCommand) {
			t.Errorf("%s: got %v, %v; want ErrInvalidCommand", tt.command, inv, err)
			continue
		}
		if got := strings.TrimPrefix(err.Error(), ErrInvalidCommand.Error()+": "); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s:\n got %s\nwant %s", tt.command, got, tt.want)
		}
	}
}

// checkInvocation compares the invocation of a command in a directory.
func checkInvocation(t *testing.T, command Command, dir string, want invocation) {
	t.Helper()
	got, err := command.invocation(dir)
	if err != nil {
		t.Errorf("%s: %v", command, err)
		return
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(invocation{}, scriptFile{})); diff != "" {
		t.Errorf("%s (-want +got):\n%s", command, diff)
	}
}

func writeScript(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// It makes no difference which kind of command runs terraform: a TERM in the
// middle, and KILL ten seconds later, would leave its state locked.
func TestExec_StopsTerraformAndItsKinAsTheyWant(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]string{
		"terraform": "INT", "/opt/bin/terraform": "INT", "tofu": "INT", "terragrunt": "INT",
		"aws": "", "/bin/terraform-docs": "",
	} {
		inv, err := Exec(program, "apply").invocation("")
		if err != nil {
			t.Fatal(err)
		}
		if inv.stopSignal != want || (inv.grace == time.Minute) != (want == "INT") {
			t.Errorf("%s is stopped by %q within %v, want %q", program, inv.stopSignal, inv.grace, want)
		}
	}
}
