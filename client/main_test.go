package client_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/enginetest"
	"github.com/escher-dbai/cloudops-engine/rpc"
)

func TestMain(m *testing.M) {
	engine.ReaperMain()
	goleak.VerifyTestMain(m)
}

// socket is a path that is short enough for one.
func socket(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "cloudops") //nolint:usetesting // tb.TempDir is longer than a socket may be
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return filepath.Join(dir, "s")
}

// newEngine makes an engine that is ended with the test, and all that runs in it.
func newEngine(tb testing.TB) *engine.Engine {
	tb.Helper()
	e, err := engine.New(engine.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := e.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
			tb.Error(err)
		}
	})
	return e
}

// serve answers for an engine at a socket, until what it returns is called or the test ends.
func serve(tb testing.TB, e engine.API, path string) (stop func()) {
	tb.Helper()
	listener, err := net.Listen("unix", path) //nolint:noctx // it is there at once
	if err != nil {
		tb.Fatal(err)
	}
	h := rpc.New(e, rpc.Config{Version: "test"})
	server := rpc.NewServer(h, nil)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		h.Close()
		_ = server.Close() // what is open then is cut, which is what a test may want
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			tb.Error(err)
		}
	}
	tb.Cleanup(stop)
	return stop
}

// dial makes a client that is closed with the test.
func dial(tb testing.TB, path string, c client.Config) *client.Client {
	tb.Helper()
	made, err := client.New("unix://"+path, c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := made.Shutdown(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return made
}

func TestClient_PassesTheSuite(t *testing.T) {
	t.Parallel()
	enginetest.TestEngine(t, func(t *testing.T) engine.API {
		t.Helper()
		path := socket(t)
		serve(t, newEngine(t), path)
		return dial(t, path, client.Config{})
	})
}
