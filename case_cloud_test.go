//go:build unix

package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

func TestCLD01_TerraformStopsCleanly(t *testing.T) {
	// no t.Parallel: it sets PATH, where a terraform of ours is found
	dir := t.TempDir()
	lock := filepath.Join(dir, "lock")
	tool := "#!/bin/bash\n" + `n=0; touch "$LOCK"
trap 'n=$((n+1)); if [ $n = 1 ]; then echo "Interrupt received. Gracefully shutting down..."; else echo "Two interrupts received."; exit 1; fi' INT
echo ready
while :; do sleep 0.02 & wait $!; [ $n = 1 ] && { sleep 0.3; rm -f "$LOCK"; echo released; exit 0; }; done
`
	if err := os.WriteFile(filepath.Join(dir, "terraform"), []byte(tool), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	e := open(t, engine.Config{Grace: 50 * time.Millisecond}) // terraform's own is longer
	id := start(t, e, engine.Request{Command: engine.Terraform("apply"), Env: map[string]string{"LOCK": lock}})
	until(t, e, id, printed("ready"))
	for range 5 {
		cancel(t, e, id, engine.Cancellation{})
	}
	r := end(t, e, id)
	wantEnding(t, r, ending{engine.Cancelled, engine.CauseCancel, false, engine.Actor{}})
	if strings.Count(r.Stdout, "Interrupt received") != 1 || !strings.HasSuffix(r.Stdout, "released\n") || strings.Contains(r.Stdout, "Two") {
		t.Errorf("want one interrupt, and the lock released; got %q", r.Stdout)
	}
	if _, err := os.Stat(lock); !os.IsNotExist(err) {
		t.Errorf("the lock is still there: %v", err)
	}
}

func TestCLD02_PromptForInput(t *testing.T) {
	// no t.Parallel: it sets PATH, where tools of ours are found
	dir := t.TempDir()
	tool := "#!/bin/bash\n" + `read -p 'Enter a value: ' x || { echo 'EOF on prompt'; env; exit 1; }; echo "got $x"`
	for _, name := range []string{"terraform", "aws", "gcloud", "az", "kubectl"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(tool), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	e := open(t, engine.Config{})
	for want, command := range map[string]engine.Command{
		"TF_INPUT=0 TF_IN_AUTOMATION=1":      engine.Terraform("apply"),
		"AWS_PAGER= AWS_CLI_AUTO_PROMPT=off": engine.AWS("s3", "ls"),
		"CLOUDSDK_CORE_DISABLE_PROMPTS=1":    engine.Gcloud("info"),
		"AZURE_CORE_NO_COLOR=true":           engine.Az("vm", "list"),
		"NO_COLOR=1":                         engine.Kubectl("get", "pods"),
	} {
		r := do(t, e, engine.Request{Command: command})
		if r.ExitCode != 1 || !strings.HasPrefix(r.Stdout, "EOF on prompt\n") {
			t.Errorf("%s: want the end of the file at the prompt, got code %d, %.40q", command, r.ExitCode, r.Stdout)
		}
		for _, entry := range append(strings.Fields(want), "GIT_TERMINAL_PROMPT=0", "PAGER=cat", "TERM=dumb") {
			if !strings.Contains(r.Stdout, "\n"+entry+"\n") {
				t.Errorf("%s: %s is not in its environment", command, entry)
			}
		}
	}
}

func TestCLD03_HelperThatStaysBehind(t *testing.T) {
	t.Parallel()
	said := filepath.Join(t.TempDir(), "said")
	r := heldPipe(t, `setsid bash -c 'echo $$; touch "$1"; exec sleep 60' bash "$1" & until [ -e "$1" ]; do sleep 0.02; done; echo token`, said)
	wantEnding(t, r, ending{engine.Completed, engine.CauseExit, false, engine.Actor{}})
	if !strings.HasSuffix(r.Stdout, "token\n") {
		t.Errorf("want the token, got %q", r.Stdout)
	}
}

func TestCLD04_NoColourAndNoTerminal(t *testing.T) {
	t.Parallel()
	r := do(t, open(t, engine.Config{}), bash(`for fd in 0 1 2; do test -t $fd && echo tty; done; (: </dev/tty) 2>/dev/null && echo tty; echo "$TERM"`))
	if r.Stdout != "dumb\n" {
		t.Errorf("want no terminal and TERM=dumb, got %q", r.Stdout)
	}
}

func TestCLD08_SecretInTheArgumentList(t *testing.T) {
	// no t.Parallel: it sets PATH, where an aws of ours is found
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte("#!/bin/sh\nexit 0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	s := &sinks{}
	e := open(t, engine.Config{Handler: s})
	r := do(t, e, engine.Request{Command: engine.AWS("secretsmanager", "create-secret", "--name", "x", "--secret-string", secret)})
	s.add("the result", r)
	s.look(t, e, r.ID, "after the end")
	for _, ev := range watched(t, e, r.ID, 0) {
		s.add("Watch", ev)
	}
	s.check(t)
	if x := get(t, e, r.ID); !strings.Contains(x.Command, "--secret-string '[REDACTED]'") {
		t.Errorf("want the argument masked, got %s", x.Command)
	}
}
