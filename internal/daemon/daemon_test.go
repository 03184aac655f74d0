package daemon_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
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

// ask makes a request, with a connection of its own.
func ask(t *testing.T, at string, q *asked) (status int, answer string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
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
	n.Daemon = open(t, c)
	n.at = n.Addresses()[0]
	return n
}

// listening is a daemon at a port.
type listening struct {
	*daemon.Daemon

	at, secret, dir string
}

// stats asks for what every role may ask for.
func (n *listening) stats(t *testing.T, secret string) (status int, answer string) {
	t.Helper()
	header := map[string]string{"Authorization": "Bearer " + secret, "Content-Type": "application/json"}
	return ask(t, n.at, &asked{http.MethodPost, verbs + "Stats", "{}", header})
}

// RPC-05 to RPC-08: what is refused, and that nothing has happened then.
func TestDaemon_RefusesBeforeAnythingHappens(t *testing.T) {
	t.Parallel()
	n := network(t, daemon.Operator)
	at, secret := n.at, n.secret
	port := at[strings.LastIndex(at, ":"):]
	const run = `{"command":{"type":"shell","command":"true"}}`
	for what, c := range map[string]struct {
		asked

		want int
		code string
	}{
		"no token":                {asked{header: map[string]string{"Authorization": ""}}, 401, "unauthenticated"},
		"a wrong token":           {asked{header: map[string]string{"Authorization": "Bearer " + secret[:len(secret)-1] + "!"}}, 401, "unauthenticated"},
		"a token that never was":  {asked{header: map[string]string{"Authorization": "Bearer cloudops_0123456789ab_" + strings.Repeat("A", 43)}}, 401, "unauthenticated"},
		"a token that is a path":  {asked{header: map[string]string{"Authorization": "Bearer cloudops_../../../etc_" + strings.Repeat("A", 43)}}, 401, "unauthenticated"},
		"another scheme":          {asked{header: map[string]string{"Authorization": "Basic " + secret}}, 401, "unauthenticated"},
		"a token in the URL":      {asked{path: "Execute?token=" + secret, header: map[string]string{"Authorization": ""}}, 401, "unauthenticated"},
		"a token too long":        {asked{header: map[string]string{"Authorization": "Bearer " + secret + strings.Repeat("A", 40_000)}}, 401, "unauthenticated"},
		"a megabyte of it":        {asked{header: map[string]string{"Authorization": "Bearer " + strings.Repeat("A", 1<<20)}}, 431, ""},
		"what the role may not":   {asked{path: "Delete", body: `{"ids":[]}`}, 403, "permission_denied"},
		"a rebound name":          {asked{header: map[string]string{"Host": "evil.example" + port, "Origin": "http://evil.example" + port}}, 421, "permission_denied"},
		"another port":            {asked{header: map[string]string{"Host": "127.0.0.1:1"}}, 421, "permission_denied"},
		"a foreign origin":        {asked{header: map[string]string{"Origin": "http://evil.example"}}, 403, "permission_denied"},
		"an origin that is null":  {asked{header: map[string]string{"Origin": "null"}}, 403, "permission_denied"},
		"an origin that is near":  {asked{header: map[string]string{"Origin": "http://localhost.evil.example" + port}}, 403, "permission_denied"},
		"a page of another site":  {asked{header: map[string]string{"Sec-Fetch-Site": "cross-site"}}, 403, "permission_denied"},
		"a form":                  {asked{header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, 415, "invalid_argument"},
		"a form with a file":      {asked{header: map[string]string{"Content-Type": "multipart/form-data; boundary=x"}}, 415, "invalid_argument"},
		"plain text":              {asked{header: map[string]string{"Content-Type": "text/plain"}}, 415, "invalid_argument"},
		"no type":                 {asked{header: map[string]string{"Content-Type": ""}}, 415, "invalid_argument"},
		"GET with an effect":      {asked{method: http.MethodGet, path: "Execute?encoding=json&message=%7B%7D"}, 405, "unimplemented"},
		"DELETE":                  {asked{method: http.MethodDelete}, 405, "unimplemented"},
		"a verb that is none":     {asked{path: "Nothing"}, 404, "unimplemented"},
		"LD_PRELOAD":              {asked{body: `{"command":{"type":"shell","command":"true"},"env":{"LD_PRELOAD":"/x"}}`}, 403, "permission_denied"},
		"LD_PRELOAD in a batch":   {asked{path: "ExecuteBatch", body: `{"requests":[{"command":{"type":"shell","command":"true"},"env":{"LD_PRELOAD":"/x"}}]}`}, 200, "denied"},
		"gRPC without a token":    {asked{header: map[string]string{"Content-Type": "application/grpc", "Authorization": ""}}, 200, ""},
		"a request that is right": {asked{path: "Stats", body: "{}"}, 200, ""},
	} {
		header := map[string]string{"Authorization": "Bearer " + secret, "Content-Type": "application/json"}
		maps.Copy(header, c.header)
		if c.method == "" {
			c.method = http.MethodPost
		}
		if c.path == "" {
			c.path = "Execute"
		}
		if c.body == "" {
			c.body = run
		}
		status, answer := ask(t, at, &asked{c.method, verbs + c.path, c.body, header})
		if status != c.want || !strings.Contains(answer, c.code) || strings.Contains(answer, secret) {
			t.Errorf("%s: %d %.200s, want %d %s", what, status, answer, c.want, c.code)
		}
	}
	_, stats := n.stats(t, secret)
	if !strings.Contains(strings.ReplaceAll(stats, " ", ""), `"accepted":"0"`) {
		t.Errorf("something was accepted: %s", stats)
	}
}

// Tokens are revoked at once, guessing them is slow, and health is nobody's secret.
func TestDaemon_ForgetsARevokedTokenAtOnce(t *testing.T) {
	t.Parallel()
	n := network(t, daemon.Viewer)
	try := func(secret string) int { status, _ := n.stats(t, secret); return status }
	if status := try(n.secret); status != 200 {
		t.Fatalf("a good token: %d", status)
	}
	tokens := daemon.TokensIn(n.dir)
	all, err := tokens.List()
	must(t, err)
	must(t, tokens.Revoke(all[0].ID))
	if status := try(n.secret); status != 401 {
		t.Errorf("a revoked token: %d", status)
	}
	status := 0
	for range 100 {
		if status = try("guess"); status != 401 {
			break
		}
	}
	if status != 429 {
		t.Errorf("after a hundred guesses: %d", status)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, _ := ask(t, n.at, look(path)); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
		if status, _ := ask(t, n.at, &asked{method: http.MethodPost, path: path, body: "x"}); status != 405 {
			t.Errorf("POST %s: %d", path, status)
		}
	}
}

// RPC-04: what would let in everybody, or tell everybody on the way, does not start.
func TestOpen_RefusesWhatIsNotSafe(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	for want, s := range map[string]daemon.Settings{
		"there is no token with which anybody could come in": {Listen: "127.0.0.1:0"},
		"is beyond this machine":                             {Listen: "0.0.0.0:0", AllowedHosts: []string{"a"}},
		"does not say by which names":                        {Listen: ":0", TLSCert: "c", TLSKey: "k"},
		`listen is "7443"`:                                   {Listen: "7443"},
		"tls_cert and tls_key go together":                   {Listen: "127.0.0.1:0", TLSCert: "c"},
		"tls_client_ca asks clients for a certificate":       {Socket: dir + "/s", TLSClientCA: "c"},
		"is no origin":                                       {Socket: dir + "/s", AllowedOrigins: []string{"example"}},
		"neither a socket nor an address":                    {},
		"tls_cert and tls_key: open":                         {Listen: "127.0.0.1:0", TLSCert: "/no", TLSKey: "/no"},
	} {
		d, err := daemon.Open(t.Context(), daemon.Config{Ephemeral: true, StateDir: dir, Settings: s}, opening())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, %v; want …%s…", s, d, err, want)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("there is left %v", left)
	}
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
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("trap '' TERM; echo ready; while :; do sleep 0.05; done"), Timeout: time.Hour})
	must(t, err)
	for out, err := range c.Output(t.Context(), id, 0) {
		must(t, err)
		if len(out.Data) > 0 {
			break
		}
	}
	ended := make(chan engine.Result, 1)
	group := lifecycle.New()
	group.Go(func(ctx context.Context) { r, _ := c.Wait(ctx, id); ended <- r })
	draining, cancel := context.WithCancel(t.Context())
	group.Go(func(ctx context.Context) {
		cancel()
		for d.Hurry(ctx) == nil {
			select {
			case r := <-ended:
				ended <- r
				return
			default:
			}
		}
	})
	if err := d.Shutdown(draining); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	group.Wait()
	if r := <-ended; r.Status != engine.Cancelled {
		t.Errorf("it ended as %+v", r)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("there is left %v", left)
	}
}
