package engine_test

import (
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

func TestMemoryStore_PassesTheSuite(t *testing.T) {
	t.Parallel()
	enginetest.TestStore(t, func(*testing.T) engine.Store { return engine.NewMemoryStore() }, nil)
}
