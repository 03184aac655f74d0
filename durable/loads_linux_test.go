package durable_test

import (
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// Whoever has the directory open sees what runs there, whoever started it.
func TestLoads_AreOfWhatRunsNow(t *testing.T) {
	t.Parallel()
	dir := place(t)
	busy, err := open(t, dir, durable.Config{Guest: true}).Execute(t.Context(), engine.Request{Command: engine.Shell("while :; do :; done")})
	if err != nil {
		t.Fatal(err)
	}
	e := open(t, dir, durable.Config{Guest: true})
	var load durable.Load
	for load.CPUTime < 20*time.Millisecond {
		load = e.Loads(t.Context(), []engine.ID{busy})[busy]
	}
	if load.Processes != 1 || load.MemoryBytes < 100<<10 {
		t.Errorf("the load of one busy shell is %+v", load)
	}
	if err := e.Cancel(t.Context(), busy, engine.Cancellation{Force: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Wait(t.Context(), busy); err != nil {
		t.Fatal(err)
	}
	if loads := e.Loads(t.Context(), []engine.ID{busy, {1}}); len(loads) > 0 {
		t.Errorf("nothing runs any more, and the loads are %+v", loads)
	}
}
