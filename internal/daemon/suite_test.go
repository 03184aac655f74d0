package daemon_test

import (
	"context"
	"path/filepath"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/enginetest"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// A client of a daemon is an engine, whose work outlives both.
func TestDaemon_IsAnEngine(t *testing.T) {
	t.Parallel()
	enginetest.TestEngine(t, func(t *testing.T) engine.API {
		t.Helper()
		dir := shortDir(t)
		d := open(t, daemon.Config{StateDir: filepath.Join(dir, "state"), Settings: daemon.Settings{Socket: filepath.Join(dir, "s")}})
		c, err := client.New(d.Addresses()[0], client.Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { endAll(t, d.Addresses()[0]) })
		return c
	})
}

// endAll ends what runs on a daemon: nobody else would.
func endAll(t *testing.T, at string) {
	t.Helper()
	c, err := client.New(at, client.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context())
	p, err := c.List(ctx, engine.Filter{Status: []engine.Status{engine.Running, engine.Pending}})
	if err != nil {
		t.Error(err)
	}
	for _, x := range p.Executions {
		if err := c.Cancel(ctx, x.ID, engine.Cancellation{Force: true}); err == nil {
			_, _ = c.Wait(ctx, x.ID) // it has ended, however
		}
	}
	if err := c.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
