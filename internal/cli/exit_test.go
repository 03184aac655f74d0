package cli_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

func TestExitCode_OfErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("anything"), 125},
		{engine.ErrInvalid, 125},
		{engine.ErrInvalidConfig, 125},
		{engine.ErrTimeoutTooLarge, 125},
		{engine.ErrWorkingDir, 125},
		{fmt.Errorf("run: %w", engine.ErrNotExecutable), 126},
		{fmt.Errorf("run: %w", engine.ErrProgramNotFound), 127},
		{engine.ErrScriptNotFound, 127},
		{cli.ExitWith(3, nil), 3},
		{fmt.Errorf("run: %w", cli.ExitWith(124, errors.New("too long"))), 124},
		{cli.ExitWith(0, nil), 0},
	} {
		if got := cli.ExitCode(c.err); got != c.want {
			t.Errorf("exit code of %v is %d, want %d", c.err, got, c.want)
		}
	}
}

func TestResultCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		result engine.Result
		want   int
	}{
		{engine.Result{Cause: engine.CauseExit, ExitCode: 0}, 0},
		{engine.Result{Cause: engine.CauseExit, ExitCode: 137}, 137},
		{engine.Result{Cause: engine.CauseExit, ExitCode: -1}, 125}, // somebody else reaped it
		{engine.Result{Cause: engine.CauseTimeout, ExitCode: 0}, 124},
		{engine.Result{Cause: engine.CauseIdleTimeout, ExitCode: -1, Signal: "TERM"}, 124},
		{engine.Result{Cause: engine.CauseQueueTimeout}, 124},
		{engine.Result{Cause: engine.CauseOutputLimit}, 125},
		{engine.Result{Cause: engine.CauseSpawn}, 125},
		{engine.Result{Cause: engine.CauseShutdown}, 125},
		{engine.Result{}, 125},
	} {
		if got := cli.ResultCode(&c.result); got != c.want {
			t.Errorf("code of %q with exit code %d is %d, want %d", c.result.Cause, c.result.ExitCode, got, c.want)
		}
	}
}

func TestSignalCode(t *testing.T) {
	t.Parallel()
	got := []int{
		cli.SignalCode(syscall.SIGHUP), cli.SignalCode(syscall.SIGINT),
		cli.SignalCode(syscall.SIGQUIT), cli.SignalCode(syscall.SIGTERM),
	}
	if diff := cmp.Diff([]int{129, 130, 131, 143}, got); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
}

func TestReport_PrintsEveryErrorWithItsHint(t *testing.T) {
	t.Parallel()
	err := errors.Join(
		engine.Advise(errors.New("one"), "do this"),
		errors.Join(fmt.Errorf("%w: two", engine.ErrInvalid), fmt.Errorf("about: %w", engine.Advise(errors.New("three"), "do that"))),
	)
	var out strings.Builder
	code := cli.Report(&out, cli.Style{}, err)
	want := "error: one\nhint: do this\nerror: invalid request: two\nerror: about: three\nhint: do that\n"
	if diff := cmp.Diff(want, out.String()); diff != "" || code != 125 {
		t.Errorf("code %d, want 125; printed (-want +got):\n%s", code, diff)
	}
}

func TestReport_IsSilentWhereTheCommandHasSpoken(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if code := cli.Report(&out, cli.Style{}, cli.ExitWith(3, nil)); code != 3 || out.String() != "" {
		t.Errorf("code %d and %q, want 3 and nothing", code, out.String())
	}
}

func TestVersionIn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"aws-cli/2.15.30 Python/3.11.8":                "2.15.30",
		"Google Cloud SDK 528.0.0\nbq 2.1.18":          "528.0.0",
		"{\n  \"azure-cli\": \"2.56.0\",\n":            "2.56.0",
		"Client Version: v1.29.2\nKustomize: v5":       "1.29.2",
		"Terraform v1.7.0-beta1\non linux_amd64":       "1.7.0-beta1",
		"no version. at all, 7 apples and .5 or v.1.x": "",
	} {
		if got := cli.VersionIn(text); got != want {
			t.Errorf("VersionIn(%q) = %q, want %q", text, got, want)
		}
	}
}
