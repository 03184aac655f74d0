package cli_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
	"github.com/escher-dbai/cloudops-engine/history"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

func TestReadConfig(t *testing.T) {
	t.Parallel()
	want := engine.Config{MaxTimeout: time.Hour, Oversize: engine.FailExecution, LogDir: "/var/log", FailFast: true}
	for name, text := range map[string]string{
		"yaml": "# comment\nmax_timeout_ms: 3600000 # an hour\noversized_output_strategy: FailExecution\nlog_dir: '/var/log'\nfail_fast: true\n",
		"json": "{\n\t\"max_timeout_ms\": 3600000,\n\t\"oversized_output_strategy\": \"FailExecution\",\n\t\"log_dir\": \"/var/log\", \"fail_fast\": true,\n\t\"grace_ms\": null}",
		"flow": "{max_timeout_ms: 3600000, oversized_output_strategy: FailExecution, log_dir: /var/log, fail_fast: true}",
	} {
		if got, _, err := cli.ReadConfig(name, []byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestReadConfig_NothingIsTheDefault(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n\n", "# only a comment\n", "{}"} {
		if got, _, err := cli.ReadConfig("f", []byte(text)); err != nil || !cmp.Equal(engine.Config{}, got) {
			t.Errorf("%q gives %+v, %v", text, got, err)
		}
	}
}

func TestReadConfig_FaultsNameTheirLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\ngrace: 1":                    `f:2: invalid configuration: unknown key "grace"`,
		"grace_ms: [1]":                 `f:1: invalid configuration: grace_ms is [1]: must be a whole number above 0`,
		"a: 1\n---\nb: 2":               "f:3: not a list of settings",
		"just text":                     "f:1: not a list of settings",
		"a: &x 1\nb: *x":                "f:1: ",
		"grace_ms: 1\ngrace_ms: 2":      "f:2: ",
		"fail_fast: [":                  "f:1: ",
		"max_requests: none":            "f:1: invalid configuration: max_requests is \"none\": must be a whole number above 0",
		"durability: never":             "f:1: invalid configuration: durability is \"never\": must be power_loss or process",
		"history_max_executions: 0":     "f:1: invalid configuration: history_max_executions is \"0\": must be a whole number above 0",
		"allowed_hosts: {a: 1}":         "f:1: invalid configuration: allowed_hosts has a value that it does not take",
		"listn: 1":                      "f:1: invalid configuration: unknown key",
		"x: !!binary zzz":               "f:1: ",
		"? [a, b]\n: 1":                 "f:2: ",
		"<<: {grace_ms: 1}":             "f:1: ",
		strings.Repeat("[", 10_000):     "f:",
		"default_timeout_ms: 1\n\tx: 1": "f:2: ",
	} {
		_, _, err := cli.ReadConfig("f", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: %.200v, want %s…", text, err, want)
		}
	}
	_, _, err := cli.ReadConfig("f", []byte("grace_ms: x\nno: 1\n"))
	if !errors.Is(err, engine.ErrInvalidConfig) || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("%v: want two faults that are ErrInvalidConfig", err)
	}
}

// One file says both: how the engine works, and where and to whom it is served.
func TestReadConfig_HasADaemonToo(t *testing.T) {
	t.Parallel()
	text := "fail_fast: true\nlisten: 127.0.0.1:7443\nallowed_hosts: [a.example, 'b.example:443']\nallowed_env: TF_VAR_*, AWS_PROFILE\nmax_requests: 5\ndrain_ms: 1500\nsocket:\n" +
		"durability: process\nhistory_retention_secs: 86400\nhistory_max_executions: 9223372036854775807\nhistory_output_bytes: 1000000\n"
	want := daemon.Settings{
		Listen: "127.0.0.1:7443", AllowedHosts: []string{"a.example", "b.example:443"}, AllowedEnv: []string{"TF_VAR_*", "AWS_PROFILE"},
		MaxRequests: 5, Drain: 1500 * time.Millisecond,
		Durability: history.ProcessDeath, Retention: durable.Retention{For: 24 * time.Hour, Count: engine.Unlimited, OutputBytes: 1_000_000},
	}
	e, d, err := cli.ReadConfig("f", []byte(text))
	if err != nil || !e.FailFast {
		t.Fatalf("%+v, %v", e, err)
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
