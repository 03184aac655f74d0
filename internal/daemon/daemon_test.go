package daemon_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/durable"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

const verbs = "/cloudops.v1.ExecutionService/"

func opening(inherited ...net.Listener) daemon.Opening {
	return daemon.Opening{Version: "test", Logger: quiet(), Inherited: inherited}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Logf("read: %v", err)
	}
	return string(text)
}

// asked is one request.
type asked struct {
	method, path, body string
	header             map[string]string
}

// look is a GET.
func look(path string) *asked { return &asked{method: http.MethodGet, path: path} }

// ask makes a request, with a connection of its own. Who is refused amid a long header is sent an
// answer, and half a second later a reset, which has a slow reader lose it: it asks again.
func ask(t *testing.T, at string, q *asked) (status int, answer string) {
	t.Helper()
	transport, there := &http.Transport{DisableKeepAlives: true}, at
	if socket, ok := strings.CutPrefix(at, "unix://"); ok {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}
		at = "http://localhost"
	}
	r, err := http.NewRequestWithContext(t.Context(), q.method, at+q.path, strings.NewReader(q.body))
	must(t, err)
	for name, value := range q.header {
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	response, err := transport.RoundTrip(r)
	if errors.Is(err, syscall.ECONNRESET) {
		return ask(t, there, q)
	}
	must(t, err)
	answer = readAll(t, response.Body)
	must(t, response.Body.Close())
	return response.StatusCode, answer
}

// network is a daemon that listens at a port, and a token for it.
func network(t *testing.T, role daemon.Role, adjust ...func(s *daemon.Settings)) *listening {
	t.Helper()
	n := &listening{dir: shortDir(t)}
	n.secret = token(t, n.dir, role)
	c := daemon.Config{Ephemeral: true, StateDir: n.dir, Settings: daemon.Settings{Listen: "127.0.0.1:0"}}
	for _, f := range adjust {
		f(&c.Settings)
	}
	n.Daemon = openLogged(t, c, &n.log)
	n.at = n.Addresses()[len(n.Addresses())-1] // behind a socket
	return n
}

// listening is a daemon at a port.
type listening struct {
	*daemon.Daemon

	at, secret, dir string
	log             logged
}

// stats asks for what every role may ask for.
func (n *listening) stats(t *testing.T, secret string) (status int, answer string) {
	t.Helper()
	header := map[string]string{"Authorization": "Bearer " + secret, "Content-Type": "application/json"}
	return ask(t, n.at, &asked{http.MethodPost, verbs + "Stats", "{}", header})
}

// The same user at the socket needs no token, and may set variables.
func TestDaemon_ServesItsUserAtTheSocket(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	d := open(t, daemon.Config{Ephemeral: true, StateDir: dir, Settings: daemon.Settings{Socket: filepath.Join(dir, "s")}})
	c, err := client.New(d.Addresses()[0], client.Config{})
	must(t, err)
	defer c.Shutdown(t.Context()) //nolint:errcheck // it returns nil
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("echo $LD_X"), Env: map[string]string{"LD_X": "as said"}})
	must(t, err)
	r, err := c.Wait(t.Context(), id)
	if err != nil || r.Stdout != "as said\n" {
		t.Errorf("%q, %v", r.Stdout, err)
	}
	if _, err := c.Delete(t.Context(), engine.Deletion{IDs: []engine.ID{id}}); !errors.Is(err, engine.ErrUnsupported) {
		t.Errorf("delete of what is not kept: %v", err)
	}
}

// SHUT-01, SHUT-04: a daemon that ends takes nothing more, those who follow are told, and
// what runs goes on and is found by the next one.
func TestDaemon_IsOutlivedByWhatRuns(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	state, gate := filepath.Join(dir, "state"), filepath.Join(dir, "gate")
	config := daemon.Config{StateDir: state, Settings: daemon.Settings{Socket: filepath.Join(dir, "s")}}
	first, err := daemon.Open(t.Context(), config, opening())
	must(t, err)
	if _, err := daemon.Open(t.Context(), config, opening()); !errors.Is(err, durable.ErrNotOwner) {
		t.Errorf("a second daemon: %v", err)
	}
	c, err := client.New(first.Addresses()[0], client.Config{Patience: -1})
	must(t, err)
	defer c.Shutdown(t.Context()) //nolint:errcheck // it returns nil
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("echo one; until [ -e " + gate + " ]; do sleep 0.02; done; echo two; exit 3")})
	must(t, err)
	followed, started := make(chan error, 1), make(chan bool, 1)
	group := lifecycle.New()
	group.Go(func(ctx context.Context) {
		for ev, err := range c.Watch(ctx, id, 0) {
			if err != nil {
				followed <- err
				return
			}
			if ev.Kind == engine.ExecutionStarted {
				started <- true
			}
		}
		followed <- nil
	})
	<-started
	must(t, first.Shutdown(t.Context()))
	if err := <-followed; err == nil {
		t.Error("who follows was not told")
	}
	group.Stop(nil)
	group.Wait()
	if _, err := c.Stats(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("after its end: %v", err)
	}
	second := open(t, config)
	if r := second.Report(); r.Running != 1 {
		t.Errorf("the next found %+v", r)
	}
	must(t, os.WriteFile(gate, nil, 0o600))
	r, err := c.Wait(t.Context(), id)
	if err != nil || r.ExitCode != 3 || r.Stdout != "one\ntwo\n" {
		t.Errorf("%d %q, %v", r.ExitCode, r.Stdout, err)
	}
}

// SHUT-02, SHUT-03: what an ephemeral daemon waits for is ended with its patience.
func TestDaemon_EndsWhatIsEphemeral(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	config := daemon.Config{Ephemeral: true, StateDir: dir, Settings: daemon.Settings{Socket: filepath.Join(dir, "s")}}
	d, err := daemon.Open(t.Context(), config, opening())
	must(t, err)
	c, err := client.New(d.Addresses()[0], client.Config{Patience: -1})
	must(t, err)
	defer c.Shutdown(t.Context()) //nolint:errcheck // it returns nil
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("trap '' TERM; echo $$; while :; do sleep 0.05; done"), Timeout: time.Hour})
	must(t, err)
	pid := 0
	for ev, err := range c.Watch(t.Context(), id, 0) {
		must(t, err)
		if ev.Kind == engine.StdoutWritten && !ev.Partial {
			pid, err = strconv.Atoi(string(ev.Line))
			must(t, err)
			break
		}
	}
	draining, cancel := context.WithCancel(t.Context())
	group := lifecycle.New()
	group.Go(func(over context.Context) {
		cancel()
		for over.Err() == nil && d.Hurry(over) == nil {
		}
	})
	if err := d.Shutdown(draining); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	group.Stop(nil)
	group.Wait()
	if p, err := os.FindProcess(pid); err == nil && p.Signal(syscall.Signal(0)) == nil {
		t.Errorf("process %d is left", pid)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("there is left %v", left)
	}
}
