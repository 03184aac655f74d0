package engine_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
)

func TestCommand_JSONRoundTrip(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		command engine.Command
		want    string
	}{
		{engine.Exec("ls"), `{"type":"exec","program":"ls","args":[]}`},
		{engine.Exec("ls", "-l", "", "ü\n"), `{"type":"exec","program":"ls","args":["-l","","ü\n"]}`},
		{engine.Shell("echo hi"), `{"type":"shell","command":"echo hi"}`},
		{engine.Shell("echo hi").With("zsh"), `{"type":"shell","command":"echo hi","shell":"zsh"}`},
		{engine.Script("a.py"), `{"type":"script","path":"a.py"}`},
		{engine.Script("a.py", "x").Interpreter("python3"), `{"type":"script","path":"a.py","interpreter":"python3","args":["x"]}`},
		{engine.InlineScript("print(1)").Named("a.py"), `{"type":"script","content":"print(1)","name":"a.py"}`},
		{engine.AWS("s3", "ls"), `{"type":"aws_cli","service":"s3","operation":"ls","args":[]}`},
		{
			engine.AWS("s3", "ls", "s3://b").Profile("p").Region("r").Output("text"),
			`{"type":"aws_cli","service":"s3","operation":"ls","args":["s3://b"],"profile":"p","region":"r","output":"text"}`,
		},
		{
			engine.Gcloud("projects", "list").Project("p").Account("a").Configuration("c").Region("r").Zone("z").Format("f"),
			`{"type":"gcloud","args":["projects","list"],"project":"p","account":"a","configuration":"c","region":"r","zone":"z","format":"f"}`,
		},
		{engine.Az("vm", "list").Subscription("s").Output("tsv"), `{"type":"az","args":["vm","list"],"subscription":"s","output":"tsv"}`},
		{
			engine.Kubectl("get", "pods").Context("c").Namespace("n").Kubeconfig("k").Output("wide"),
			`{"type":"kubectl","args":["get","pods"],"context":"c","namespace":"n","kubeconfig":"k","output":"wide"}`,
		},
		{engine.Terraform("init"), `{"type":"terraform","subcommand":"init","args":[]}`},
		{
			engine.Terraform("apply", "-refresh=false").Dir("d").Var("a", "").VarFile("f").Output("json").AutoApprove().Color(),
			`{"type":"terraform","subcommand":"apply","args":["-refresh=false"],"dir":"d","variables":{"a":""},"var_files":["f"],"output":"json","auto_approve":true,"color":true}`,
		},
	} {
		got := commandJSON(t, tt.command)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s as JSON (-want +got):\n%s", tt.command.Type(), diff)
		}
		back, err := engine.ParseCommand([]byte(got))
		if err != nil {
			t.Errorf("parse %s: %v", got, err)
			continue
		}
		if diff := cmp.Diff(got, commandJSON(t, back)); diff != "" {
			t.Errorf("%s and back (-want +got):\n%s", tt.command.Type(), diff)
		}
		if got, want := back.String(), tt.command.String(); got != want {
			t.Errorf("parsed it shows %s, want %s", got, want)
		}
	}
}

func TestCommand_ParseTakesWhatMayBeLeftOut(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		`{"type":"exec","program":"ls"}`:                                    `ls`,
		`{"args":null,"program":"ls","type":"exec"}`:                        `ls`,
		`{"type":"shell","command":"ls","shell":null}`:                      `bash -c ls`,
		`{"type":"script","path":"x.sh","interpreter":null}`:                `x.sh`,
		`{"type":"script","content":"ls","path":null,"interpreter":"dash"}`: `dash script # inline script, 2 bytes`,
		`{"type":"aws_cli","service":"s3","operation":"ls"}`:                `aws s3 ls`,
		"  {\"type\":\"terraform\",\"subcommand\":\"init\"}\n":              `terraform init -no-color`,
	} {
		command, err := engine.ParseCommand([]byte(data))
		if err != nil {
			t.Errorf("parse %s: %v", data, err)
			continue
		}
		if got := command.String(); got != want {
			t.Errorf("%s shows %s, want %s", data, got, want)
		}
	}
}

func TestCommand_ParseNamesEveryFault(t *testing.T) {
	t.Parallel()
	const types = "one of exec, shell, script, aws_cli, gcloud, az, kubectl, terraform"
	for _, tt := range []struct{ data, want string }{
		{``, "read JSON: EOF"},
		{`{`, "read JSON: EOF"},
		{`{"type":"exec"`, "read JSON: EOF"},
		{`{"type":"exec",}`, "read JSON: invalid character '}'"},
		{`[]`, `a command is a JSON object with a "type"`},
		{`"ls"`, `a command is a JSON object with a "type"`},
		{`null`, `a command is a JSON object with a "type"`},
		{`{"type":"exec","program":"ls"}{}`, "there is more after the JSON object"},
		{`{"type":"exec","program":"ls"} x`, "there is more after the JSON object"},
		{"{\"type\":\"exec\",\"program\":\"\xff\"}", "the JSON is not UTF-8"},
		{`{}`, "type is missing: " + types},
		{`{"type":null}`, "type is missing: " + types},
		{`{"type":1}`, "type is not a string: " + types},
		{`{"type":"docker"}`, `type "docker" is unknown: ` + types},
		{`{"type":"Exec"}`, `type "Exec" is unknown: ` + types},
		{`{"type":"exec"}`, "exec: program is missing"},
		{`{"type":"exec","program":""}`, "exec: program is empty"},
		{`{"type":"exec","program":"ls","Program":"rm"}`, "exec: Program does not belong to it, which has type, program, args"},
		{`{"type":"exec","program":"ls","program":"rm"}`, "exec: program is there twice"},
		{`{"type":"exec","type":"shell","program":"ls"}`, "exec: type is there twice"},
		{`{"type":"exec","program":7,"args":"-l"}`, "exec: program is not a string; args is not a list of strings"},
		{`{"type":"exec","program":"ls","args":[1]}`, "exec: args is not a list of strings"},
		{`{"type":"exec","program":"ls","args":["a",null]}`, "exec: args is not a list of strings"},
		{`{"type":"exec","program":"a\u0000","args":["b","c\u0000"]}`, "exec: program has a NUL byte; args[1] has a NUL byte"},
		{`{"type":"shell"}`, "shell: command is missing"},
		{`{"type":"shell","command":"  \n"}`, "shell: command is empty"},
		{`{"type":"shell","command":"ls","shell":""}`, "shell: shell is empty: leave it out for the default"},
		{`{"type":"shell","command":"ls","shell":"-x"}`, `shell: shell begins with a dash: "-x" would be read as an option`},
		{`{"type":"script"}`, "script: path is missing, and so is content"},
		{`{"type":"script","path":"a","content":"b"}`, "script: path and content exclude each other"},
		{`{"type":"script","path":"a","name":"b"}`, "script: name is for inline content only"},
		{`{"type":"script","content":""}`, "script: content is empty"},
		{`{"type":"script","content":"x","name":"../a.sh"}`, `script: name is not the plain name of a file: "../a.sh"`},
		{
			`{"type":"aws_cli","operation":"","region":"-x","profile":3,"regoin":"eu"}`,
			"aws_cli: service is missing; profile is not a string; regoin does not belong to it, which has " +
				"type, service, operation, args, profile, region, output; operation is empty; " +
				`region begins with a dash: "-x" would be read as an option`,
		},
		{
			`{"type":"aws_cli","service":"s3","operation":"ls","args":["--region=eu"],"region":"us"}`,
			"aws_cli: region is given twice: as a field (us) and as --region in args",
		},
		{`{"type":"gcloud"}`, "gcloud: args is empty"},
		{`{"type":"gcloud","args":[],"project":""}`, "gcloud: project is empty: leave it out for the default; args is empty"},
		{`{"type":"az","args":["vm"],"subscription":"-s"}`, `az: subscription begins with a dash: "-s" would be read as an option`},
		{
			`{"type":"kubectl","args":["get","-nkube-system","pods"],"namespace":"n"}`,
			"kubectl: namespace is given twice: as a field (n) and as -n in args",
		},
		{`{"type":"terraform","subcommand":"plan","variables":{"n":3}}`, "terraform: variables is not an object of strings"},
		{`{"type":"terraform","subcommand":"plan","variables":{"n":null}}`, "terraform: variables is not an object of strings"},
		{
			`{"type":"terraform","subcommand":"init","variables":{"n":"3"},"var_files":["f"],"auto_approve":true,"output":"xml"}`,
			"terraform: variables is for plan, apply, destroy, refresh, import, console and test, not for init; " +
				"var_files is for plan, apply, destroy, refresh, import, console and test, not for init; " +
				`output is "xml": json and text are known; auto_approve is for apply and destroy, not for init`,
		},
		{`{"type":"terraform","subcommand":"state list"}`, `terraform: subcommand is more than one word: put the rest of "state list" into args`},
	} {
		command, err := engine.ParseCommand([]byte(tt.data))
		if command != nil || !errors.Is(err, engine.ErrInvalidCommand) {
			t.Errorf("parse %s: got %v, %v; want ErrInvalidCommand", tt.data, command, err)
			continue
		}
		if got := strings.TrimPrefix(err.Error(), engine.ErrInvalidCommand.Error()+": "); !strings.HasPrefix(got, tt.want) {
			t.Errorf("parse %s:\n got %s\nwant %s", tt.data, got, tt.want)
		}
		if strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("parse %s: control bytes in %q", tt.data, err)
		}
	}
}

func TestCommand_MarshalRefusesWhatJSONCannotHold(t *testing.T) {
	t.Parallel()
	for _, command := range []engine.Command{
		engine.Exec("cat", "ok", "\xff"),
		engine.Shell("cat \xff"),
		engine.Terraform("plan").Var("a", "\xff"),
		engine.Kubectl("get").Output("\xff"),
	} {
		if data, err := json.Marshal(command); !errors.Is(err, engine.ErrInvalidCommand) {
			t.Errorf("%s: got %s, %v; want ErrInvalidCommand", command.Type(), data, err)
		}
	}
}

func FuzzParseCommand(f *testing.F) {
	f.Add(`{"type":"exec","program":"ls","args":["-l"]}`)
	f.Add(`{"type":"script","content":"#!/bin/sh\nls","name":"a"}`)
	f.Add(`{"type":"terraform","subcommand":"plan","variables":{"a":"b"},"var_files":["f"]}`)
	f.Fuzz(func(t *testing.T, data string) {
		command, err := engine.ParseCommand([]byte(data))
		if err != nil {
			_, plan := errors.AsType[*engine.PlanError](err)
			if !plan && !errors.Is(err, engine.ErrInvalidCommand) {
				t.Fatalf("parse %q: %v is no ErrInvalidCommand", data, err)
			}
			return
		}
		once := commandJSON(t, command)
		again, err := engine.ParseCommand([]byte(once))
		if err != nil {
			t.Fatalf("parse %s again: %v", once, err)
		}
		if twice := commandJSON(t, again); twice != once {
			t.Fatalf("%s became %s", once, twice)
		}
		if line := command.String(); strings.ContainsAny(line, "\x00\n\r\x1b") {
			t.Fatalf("control bytes in %q", line)
		}
	})
}
