package supervisor_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/supervisor"
)

// helperVariable names what this binary does instead of testing.
const helperVariable = "SUPERVISOR_TEST_HELPER"

func TestMain(m *testing.M) {
	supervisor.Main()
	switch helper := os.Getenv(helperVariable); helper {
	case "":
		goleak.VerifyTestMain(m)
	default:
		os.Exit(2)
	}
}

// newRunner is a runner in a directory of the test.
func newRunner(t *testing.T, dir string) *supervisor.Runner {
	t.Helper()
	r, err := supervisor.New(supervisor.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

var _ engine.Finder = (*supervisor.Runner)(nil)
