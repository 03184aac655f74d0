package engine_test

import (
	"testing"
	"testing/synctest"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

// There is one global engine, and this is the one test of it.
func TestGlobal_IsOneSerialEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		defer engine.ResetGlobal()
		_, err := engine.Global()
		wantError(t, "Global before InitGlobal", err, engine.ErrNoGlobal)
		_, err = engine.InitGlobal(engine.Config{MaxQueued: -1})
		wantError(t, "a bad configuration", err, engine.ErrInvalidConfig)
		r := &enginetest.Runner{Scripts: enginetest.Scripts{"second": {Hangs: false, Runs: 1e9}}}
		e, err := engine.InitGlobal(engine.Config{Runner: r, MaxConcurrent: 50, FailFast: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Shutdown(past(t)) })
		if same, err := engine.Global(); same != e || err != nil {
			t.Errorf("Global: want the same engine, got %v, %v", same, err)
		}
		_, err = engine.InitGlobal(engine.Config{})
		wantError(t, "a second InitGlobal", err, engine.ErrGlobalSet)
		var last engine.ID
		for range 5 {
			last = start(t, e, play("second"))
		}
		end(t, e, last)
		if r.Peak() != 1 {
			t.Errorf("want one at a time, got %d", r.Peak())
		}
	})
}
