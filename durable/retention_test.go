package durable_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
	"github.com/escher-dbai/cloudops-engine/history"
)

// used is a state directory in which so many have ended, and the time when it was last
// cleaned up.
func used(t *testing.T, n int, cleaned time.Time) string {
	t.Helper()
	dir := place(t)
	e := open(t, dir, durable.Config{})
	for range n {
		wait(t, e, start(t, e, shell("echo hello")))
	}
	shut(t, e)
	shut(t, open(t, dir, durable.Config{Guest: true})) // which seals them
	if err := os.Chtimes(filepath.Join(dir, "janitor.lock"), cleaned, cleaned); err != nil {
		t.Fatal(err)
	}
	return dir
}

// left is how many executions there are, in the history and as folders.
func left(t *testing.T, dir string) (known, folders int) {
	t.Helper()
	s, err := history.Open(t.Context(), dir, history.Config{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.List(t.Context(), engine.Filter{Total: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	sealed, err := filepath.Glob(filepath.Join(dir, "sealed", "*", "*.zip"))
	if err != nil {
		t.Fatal(err)
	}
	return p.Total, len(sealed)
}

// Guests clean up, when nobody has for an hour; an owner does not wait for that.
func TestOpen_CleansUp(t *testing.T) {
	t.Parallel()
	keep := durable.Retention{Count: 2}
	for name, c := range map[string]struct {
		config  durable.Config
		cleaned time.Duration // how long ago
		want    int
	}{
		"a guest after two hours":              {durable.Config{Guest: true, Retention: keep}, 2 * time.Hour, 2},
		"a guest after a minute":               {durable.Config{Guest: true, Retention: keep}, time.Minute, 5},
		"a guest where the clock was wrong":    {durable.Config{Guest: true, Retention: keep}, -2 * time.Hour, 2},
		"an owner after a minute":              {durable.Config{Retention: keep}, time.Minute, 2},
		"a guest that keeps all, for long now": {durable.Config{Guest: true}, 2 * time.Hour, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := used(t, 5, time.Now().Add(-c.cleaned))
			e := open(t, dir, c.config)
			for known, folders := left(t, dir); c.want < 5 && (known != c.want || folders != c.want); known, folders = left(t, dir) {
				<-time.After(time.Millisecond)
			}
			lately := func() bool {
				at, err := os.Stat(filepath.Join(dir, "janitor.lock"))
				return err == nil && time.Since(at.ModTime()).Abs() < time.Minute
			}
			cleans := c.cleaned != time.Minute || !c.config.Guest
			for cleans && !lately() {
				<-time.After(time.Millisecond)
			}
			shut(t, e)
			if known, folders := left(t, dir); known != c.want || folders != c.want {
				t.Errorf("there are %d in the history and %d folders, want %d", known, folders, c.want)
			}
			if !cleans && lately() {
				t.Error("it was cleaned up")
			}
		})
	}
}

// What a cleanup has forgotten and not removed, because it was interrupted, the next one
// removes.
func TestOpen_GoesOnWithAnInterruptedCleanup(t *testing.T) {
	t.Parallel()
	dir := used(t, 5, time.Now().Add(-2*time.Hour))
	s, err := history.Open(t.Context(), dir, history.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Delete(t.Context(), engine.Deletion{Keep: 3}); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	e := open(t, dir, durable.Config{Guest: true})
	for _, folders := left(t, dir); folders != 3; _, folders = left(t, dir) {
		<-time.After(time.Millisecond)
	}
	shut(t, e)
}

// What is deleted just as it is sealed is gone too: its output once stayed.
func TestDelete_OfWhatIsBeingSealed(t *testing.T) {
	t.Parallel()
	dir := place(t)
	e := open(t, dir, durable.Config{Guest: true})
	for range 10 {
		id := start(t, e, shell("echo gone soon"))
		wait(t, e, id)
		var both sync.WaitGroup
		both.Go(func() {
			if err := e.Reconcile(t.Context()); err != nil {
				t.Error(err)
			}
		})
		if n, err := e.Delete(t.Context(), engine.Deletion{IDs: []engine.ID{id}}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		both.Wait()
	}
	if err := e.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, folders := left(t, dir); folders > 0 {
		t.Errorf("%d are left", folders)
	}
}

// Who was told that an execution has ended may delete it at once, although endings are told before they are kept.
func TestDelete_OfWhatHasJustEnded(t *testing.T) {
	t.Parallel()
	e := open(t, place(t), durable.Config{Guest: true})
	for range 20 {
		id := start(t, e, shell("echo gone at once"))
		wait(t, e, id)
		if n, err := e.Delete(t.Context(), engine.Deletion{IDs: []engine.ID{id}}); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
}
