package supervisor_test

import (
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

func TestRunner_PassesItsSuite(t *testing.T) {
	t.Parallel()
	enginetest.TestRunner(t, func(t *testing.T) engine.Runner {
		t.Helper()
		return newRunner(t, t.TempDir())
	})
}
