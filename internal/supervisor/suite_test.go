package supervisor_test

import (
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
	"github.com/escher-dbai/cloudops-engine/internal/supervisor"
)

func TestRecorder_PassesItsSuite(t *testing.T) {
	t.Parallel()
	enginetest.TestRunner(t, func(t *testing.T) engine.Runner {
		t.Helper()
		r, err := supervisor.NewRecorder(supervisor.Options{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
		return r
	})
}

func TestRunner_PassesItsSuite(t *testing.T) {
	t.Parallel()
	enginetest.TestRunner(t, func(t *testing.T) engine.Runner {
		t.Helper()
		return newRunner(t, t.TempDir())
	})
}
