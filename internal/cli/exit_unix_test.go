//go:build unix

package cli_test

import (
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

func TestResultCode_OfSignals(t *testing.T) {
	t.Parallel()
	for signal, want := range map[string]int{"SEGV": 139, "KILL": 137, "TERM": 143, "signal 34": 162, "": 125, "odd": 125} {
		r := engine.Result{Cause: engine.CauseSignal, ExitCode: -1, Signal: signal}
		if got := cli.ResultCode(&r); got != want {
			t.Errorf("code of signal %q is %d, want %d", signal, got, want)
		}
	}
}
