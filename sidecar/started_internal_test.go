package sidecar

import (
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

// Of what was started is kept what runs: a session of many executions does not grow.
func TestStarted_ForgetsWhatHasEnded(t *testing.T) {
	t.Parallel()
	e, err := engine.New(engine.Config{Runner: &enginetest.Runner{Scripts: enginetest.Scripts{"quick": {}, "slow": {Runs: engine.Forever}}}, MaxTimeout: engine.Forever})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Shutdown(done()); err != nil {
			t.Log(err)
		}
	}()
	s := &started{engine: e, ids: make(map[engine.ID]struct{})}
	run := func(script string) engine.ID {
		id, err := e.Execute(t.Context(), engine.Request{Command: enginetest.Command(script), Timeout: engine.Forever})
		if err != nil {
			t.Fatal(err)
		}
		s.add(t.Context(), id.String())
		return id
	}
	slow := run("slow")
	for range 3 * lookFrom {
		if _, err := e.Wait(t.Context(), run("quick")); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.ids); n > lookFrom {
		t.Errorf("%d are kept of %d", n, 3*lookFrom)
	}
	s.add(t.Context(), "nothing")
	if live, err := s.live(t.Context()); err != nil || len(live) != 1 || live[0] != slow || len(s.ids) != 1 {
		t.Errorf("%v live of %d that are kept: %v", live, len(s.ids), err)
	}
}
