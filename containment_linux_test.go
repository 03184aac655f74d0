package engine_test

import (
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

// containments are those that can be had here: what the cases say holds in each.
func containments(t *testing.T) (all []engine.Containment) {
	t.Helper()
	for _, c := range []engine.Containment{engine.ContainmentCgroup, engine.ContainmentReaper, engine.ContainmentGroup} {
		e, err := engine.New(engine.Config{Containment: c})
		if err != nil {
			t.Logf("not tested with a %s: %v", c, err)
			continue
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		all = append(all, c)
	}
	return all
}
