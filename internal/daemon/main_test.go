package daemon_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/escher-dbai/cloudops-engine/durable"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

func TestMain(m *testing.M) {
	durable.Main()
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

// shortDir is a directory whose path has room for a socket, with mode 0700.
func shortDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "d") //nolint:usetesting // its path is longer than that of a socket may be
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// token makes a token in a state directory.
func token(t *testing.T, dir string, role daemon.Role) string {
	t.Helper()
	now := time.Now()
	secret, _, err := daemon.TokensIn(dir).Create("test", role, now, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// open opens a daemon, and ends it with the test.
func open(t *testing.T, c daemon.Config) *daemon.Daemon {
	t.Helper()
	return openLogged(t, c, io.Discard)
}

// openLogged is open, with a log.
func openLogged(tb testing.TB, c daemon.Config, log io.Writer) *daemon.Daemon {
	tb.Helper()
	d, err := daemon.Open(tb.Context(), c, daemon.Opening{Version: "test", Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.Shutdown(context.WithoutCancel(tb.Context())); err != nil {
			tb.Error(err)
		}
	})
	return d
}

// logged is what a daemon logs.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write takes a line.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// spawn runs something beside a test, which waits for it.
func spawn(t *testing.T, f func()) {
	t.Helper()
	group := lifecycle.New()
	group.Go(func(context.Context) { f() })
	t.Cleanup(group.Wait)
}
