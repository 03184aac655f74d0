package cli_test

import (
	"testing"

	"go.uber.org/goleak"

	engine "github.com/escher-dbai/cloudops-engine"
)

func TestMain(m *testing.M) {
	engine.ReaperMain() // the engine starts reapers from /proc/self/exe, which this is
	goleak.VerifyTestMain(m)
}
