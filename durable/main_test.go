package durable_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

func TestMain(m *testing.M) {
	durable.Main()
	if os.Getenv(helperVariable) != "" {
		os.Exit(help())
	}
	goleak.VerifyTestMain(unhurried{m})
}

// unhurried runs tests, and waits at their end for the supervisors that they have started. Each
// has a goroutine until it has gone, which may take longer than goleak waits: half a second.
type unhurried struct{ *testing.M }

// Run runs the tests.
func (u unhurried) Run() int {
	code := u.M.Run()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && goleak.Find() != nil; { // which waits a while
	}
	return code
}

// helperVariable names what this binary does instead of testing, with the directory of its
// first argument.
const helperVariable = "DURABLE_TEST_HELPER"

// place is a new state directory. What runs in it at the end of the test is ended.
func place(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	t.Cleanup(func() { endAll(t, dir) })
	return dir
}

func endAll(t *testing.T, dir string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	e, err := durable.Open(ctx, dir, durable.Config{Guest: true})
	if err != nil {
		return // the test has made it so
	}
	p, err := e.List(ctx, engine.Filter{Status: []engine.Status{engine.Running, engine.Pending}})
	if err != nil {
		t.Error(err)
	}
	for _, x := range p.Executions {
		if err := e.Cancel(ctx, x.ID, engine.Cancellation{Force: true}); err == nil {
			_, _ = e.Wait(ctx, x.ID)
		}
	}
	if err := e.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// open opens a state directory, and closes it at the end of the test.
func open(t *testing.T, dir string, c durable.Config) *durable.Engine {
	t.Helper()
	e, err := durable.Open(t.Context(), dir, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, e) })
	return e
}

func shut(t *testing.T, e *durable.Engine) {
	t.Helper()
	if err := e.Shutdown(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestEngine_PassesTheSuite(t *testing.T) {
	t.Parallel()
	enginetest.TestEngine(t, func(t *testing.T) engine.API {
		t.Helper()
		e, err := durable.Open(t.Context(), place(t), durable.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}
