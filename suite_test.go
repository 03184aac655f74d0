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

func TestLocalRunner_PassesItsSuite(t *testing.T) {
	t.Parallel()
	enginetest.TestRunner(t, func(t *testing.T) engine.Runner {
		t.Helper()
		return engine.NewLocalRunner(t)
	})
}
