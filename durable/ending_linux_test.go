package durable_test

import (
	"math"
	"path/filepath"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// The next program tells of an ending what the one that started it would: which limits were
// not enforced, and where the copy of the output is. So it does of what is lost.
func TestOpen_TellsWhatWasKnownBeforeTheStart(t *testing.T) {
	t.Parallel()
	dir := place(t)
	path, open1 := gate(t)
	first := open(t, dir, durable.Config{})
	r := shell("until [ -e %s ]; do sleep 0.02; done", path)
	r.Limits = engine.Limits{OpenFiles: math.MaxInt32, BestEffort: true} // more than anybody may have
	var ids []engine.ID
	for _, name := range []string{"ends", "is lost"} {
		r.OutputLogPath = filepath.Join(filepath.Dir(path), name)
		ids = append(ids, start(t, first, r))
		running(t, first, ids[len(ids)-1])
	}
	shut(t, first)
	killPid(t, describedIn(t, dir, ids[1]).Keeper.Pid)
	open1()
	second := open(t, dir, durable.Config{})
	for i, want := range []engine.Status{engine.Completed, engine.Lost} {
		got := wait(t, second, ids[i])
		if got.Status != want || len(got.Unenforced) != 1 || filepath.Dir(got.LogPath) != filepath.Dir(path) {
			t.Errorf("it ended as %s without %v, and with its output in %q", got.Status, got.Unenforced, got.LogPath)
		}
	}
}
