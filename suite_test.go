package engine_test

import (
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

func TestEngine_PassesItsSuite(t *testing.T) {
	t.Parallel()
	enginetest.TestEngine(t, func(t *testing.T) engine.API {
		t.Helper()
		e, err := engine.New(engine.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}

// An engine with a store is one engine: what it says does not depend on whether the
// store or the memory has it.
func TestEngine_PassesItsSuiteWithAStore(t *testing.T) {
	t.Parallel()
	enginetest.TestEngine(t, func(t *testing.T) engine.API {
		t.Helper()
		e, err := engine.New(engine.Config{Store: engine.NewMemoryStore()})
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}

func TestLocalRunner_PassesItsSuite(t *testing.T) {
	t.Parallel()
	enginetest.TestRunner(t, func(t *testing.T) engine.Runner {
		t.Helper()
		return engine.NewLocalRunner(t)
	})
}
