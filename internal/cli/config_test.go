package cli_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

func TestReadConfig(t *testing.T) {
	t.Parallel()
	want := engine.Config{MaxTimeout: time.Hour, Oversize: engine.FailExecution, LogDir: "/var/log", FailFast: true}
	for name, text := range map[string]string{
		"yaml": "# comment\nmax_timeout_ms: 3600000 # an hour\noversized_output_strategy: FailExecution\nlog_dir: '/var/log'\nfail_fast: true\n",
		"json": "{\n\t\"max_timeout_ms\": 3600000,\n\t\"oversized_output_strategy\": \"FailExecution\",\n\t\"log_dir\": \"/var/log\", \"fail_fast\": true,\n\t\"grace_ms\": null}",
		"flow": "{max_timeout_ms: 3600000, oversized_output_strategy: FailExecution, log_dir: /var/log, fail_fast: true}",
	} {
		var got engine.Config
		if err := cli.ReadConfig(name, []byte(text), &got); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestReadConfig_NothingIsTheDefault(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n\n", "# only a comment\n", "{}"} {
		var got engine.Config
		if err := cli.ReadConfig("f", []byte(text), &got); err != nil || !cmp.Equal(engine.Config{}, got) {
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
		"x: !!binary zzz":               "f:1: ",
		"? [a, b]\n: 1":                 "f:2: ",
		"<<: {grace_ms: 1}":             "f:1: ",
		strings.Repeat("[", 10_000):     "f:",
		"default_timeout_ms: 1\n\tx: 1": "f:2: ",
	} {
		var c engine.Config
		err := cli.ReadConfig("f", []byte(text), &c)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: %.200v, want %s…", text, err, want)
		}
	}
	var c engine.Config
	err := cli.ReadConfig("f", []byte("grace_ms: x\nno: 1\n"), &c)
	if !errors.Is(err, engine.ErrInvalidConfig) || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("%v: want two faults that are ErrInvalidConfig", err)
	}
}
