package engine_test

import (
	"errors"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

// A client may set what it was allowed to, and by a pattern nothing that has another
// program run.
func TestPOL11_DangerousEnvironmentFromAClient(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV", "ENV", "BASH_FUNC_ls%%", "SHELLOPTS", "PS4", "PROMPT_COMMAND", "IFS",
		"PATH", "NODE_OPTIONS", "PYTHONPATH", "PYTHONSTARTUP", "PERL5OPT", "RUBYOPT", "JAVA_TOOL_OPTIONS", "GIT_SSH_COMMAND",
		"GIT_CONFIG_COUNT", "GIT_EXTERNAL_DIFF", "GIT_ASKPASS", "PAGER", "LESSOPEN", "EDITOR", "DYLD_INSERT_LIBRARIES", "KUBECONFIG",
		"AWS_CONFIG_FILE", "TF_CLI_ARGS", "ld_preload",
	} {
		for _, r := range []engine.Request{{Env: map[string]string{name: "/tmp/evil"}}, {UnsetEnv: []string{name}}} {
			for _, allow := range [][]string{nil, {"STAGE"}, {"*"}, {name[:1] + "*"}} {
				if err := engine.CheckClientEnv(&r, allow); !errors.Is(err, engine.ErrDenied) || !strings.Contains(err.Error(), name) {
					t.Errorf("%s with %v allowed: %v", name, allow, err)
				}
			}
			if err := engine.CheckClientEnv(&r, []string{name}); err != nil {
				t.Errorf("%s, allowed by name: %v", name, err)
			}
		}
	}
}

func TestCheckClientEnv_AllowsWhatIsListed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		request engine.Request
		allow   []string
		refused string // what the error names; empty: none
	}{
		{engine.Request{}, nil, ""},
		{engine.Request{Env: map[string]string{"STAGE": "prod"}}, []string{"STAGE"}, ""},
		{engine.Request{Env: map[string]string{"APP_A": "1", "APP_B": "2"}}, []string{"APP_*"}, ""},
		{engine.Request{Env: map[string]string{"STAGES": "prod"}}, []string{"STAGE"}, "STAGES"},
		{engine.Request{Env: map[string]string{"A": "1"}, UnsetEnv: []string{"B"}}, []string{"A"}, "unset B"},
		{engine.Request{CleanEnv: true}, nil, "environment"},
		{engine.Request{CleanEnv: true}, []string{"A"}, ""},
	} {
		err := engine.CheckClientEnv(&c.request, c.allow)
		if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%+v with %v allowed: %v", c.request, c.allow, err)
		}
	}
}
