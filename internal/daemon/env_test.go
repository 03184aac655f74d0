package daemon_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// What comes over the network sets the variables that are allowed; what makes programs run
// other code has to be allowed in full. The same user at the socket may set any.
func TestDaemon_TakesVariablesThatAreAllowed(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(shortDir(t), "s")
	n := network(t, daemon.Admin, func(s *daemon.Settings) {
		s.Socket, s.AllowedEnv = socket, []string{"STAGE", "APP_*", "LD_*", "GIT_*", "*_ENV", "KUBECONFIG"}
	})
	local, remote := caller(t, "unix://"+socket, ""), caller(t, n.at, n.secret)
	set := func(name string) engine.Request { return engine.Request{Env: map[string]string{name: "x"}} }
	for what, c := range map[string]struct {
		request engine.Request
		denied  string
	}{
		"one that is allowed":      {set("STAGE"), ""},
		"one of a pattern":         {set("APP_REGION"), ""},
		"allowed in full":          {set("KUBECONFIG"), ""},
		"near an allowed one":      {set("STAGES"), "STAGES"},
		"another":                  {set("REGION"), "REGION"},
		"a loader's, by a pattern": {set("LD_PRELOAD"), "LD_PRELOAD"},
		"git's, by a pattern":      {set("GIT_SSH_COMMAND"), "GIT_SSH_COMMAND"},
		"a shell's":                {set("BASH_ENV"), "BASH_ENV"},
		"the path of programs":     {set("PATH"), "PATH"},
		"a tool's":                 {set("TF_CLI_ARGS"), "TF_CLI_ARGS"},
		"to unset one":             {engine.Request{UnsetEnv: []string{"HOME"}}, "HOME"},
		"to unset an allowed one":  {engine.Request{UnsetEnv: []string{"STAGE"}}, ""},
	} {
		c.request.Command = engine.Shell("exit 0")
		_, err := remote.Execute(t.Context(), c.request)
		if denied := errors.Is(err, engine.ErrDenied); denied != (c.denied != "") || denied && (!strings.Contains(err.Error(), c.denied) || engine.Hint(err) == "") || !denied && err != nil {
			t.Errorf("%s, over the network: %v", what, err)
		}
		if _, err := local.Execute(t.Context(), c.request); err != nil {
			t.Errorf("%s, at the socket: %v", what, err)
		}
	}
}

// No way to ask for an execution goes past that.
func TestDaemon_LooksAtVariablesOfABatchToo(t *testing.T) {
	t.Parallel()
	n := network(t, daemon.Admin)
	header := map[string]string{"Authorization": "Bearer " + n.secret, "Content-Type": "application/json"}
	const one = `{"command":{"type":"shell","command":"true"},"env":{"LD_PRELOAD":"/x"}}`
	for verb, body := range map[string]string{
		"Execute": one, "ExecuteBatch": `{"requests":[` + one + `]}`,
	} {
		_, answer := ask(t, n.at, &asked{http.MethodPost, verbs + verb, body, header})
		if !strings.Contains(answer, "a client may not set or unset LD_PRELOAD") {
			t.Errorf("%s: %s", verb, answer)
		}
	}
	if _, stats := n.stats(t, n.secret); !strings.Contains(strings.ReplaceAll(stats, " ", ""), `"accepted":"0"`) {
		t.Errorf("something was accepted: %s", stats)
	}
}
