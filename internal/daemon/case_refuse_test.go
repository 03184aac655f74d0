package daemon_test

import (
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// RPC-04: what would let in everybody, or tell everybody on the way, does not start.
func TestRPC04_TCPWithoutCredentials(t *testing.T) {
	t.Parallel()
	dir, stale := shortDir(t), shortDir(t)
	now := time.Now()
	_, _, err := daemon.TokensIn(stale).Create("", daemon.Admin, now.Add(-2*time.Hour), now.Add(-time.Hour))
	must(t, err)
	if _, err := daemon.Open(t.Context(), daemon.Config{Ephemeral: true, StateDir: stale, Settings: daemon.Settings{Listen: "127.0.0.1:0"}}, opening()); err == nil || !strings.Contains(engine.Hint(err), "cloudops token create") {
		t.Errorf("with a token that has expired: %v", err)
	}
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

// refused is a request that is refused, and how: as a change of one that is right.
type refused struct {
	asked

	want int
	code string
}

// refuses asks for each, and for nothing to have happened then, and no token to be told.
func (n *listening) refuses(t *testing.T, all map[string]refused) {
	t.Helper()
	for what, c := range all {
		header := map[string]string{"Authorization": "Bearer " + n.secret, "Content-Type": "application/json"}
		maps.Copy(header, c.header)
		if c.method == "" {
			c.method = http.MethodPost
		}
		if c.path == "" {
			c.path = verbs + "Execute"
		}
		if c.body == "" {
			c.body = `{"command":{"type":"shell","command":"true"}}`
		}
		status, answer := ask(t, n.at, &asked{c.method, c.path, c.body, header})
		if status != c.want || !strings.Contains(answer, c.code) || strings.Contains(answer, n.secret) {
			t.Errorf("%s: %d %.200s, want %d %s", what, status, answer, c.want, c.code)
		}
		if c.want != http.StatusOK && c.code != "" && !strings.Contains(answer, `"hint":"`) {
			t.Errorf("%s: it is not said what to do: %s", what, answer)
		}
	}
	_, stats := n.stats(t, n.secret)
	if !strings.Contains(strings.ReplaceAll(stats, " ", ""), `"accepted":"0"`) {
		t.Errorf("something was accepted: %s", stats)
	}
	if log := n.log.String(); strings.Contains(log, n.secret[20:]) {
		t.Errorf("a token is in the log:\n%s", log)
	}
}

// Paths that a server would send elsewhere, and methods that do nothing, are answered as
// all else is: with a code and what to do.
func TestDaemon_SaysWhatIsWrongWithAPath(t *testing.T) {
	t.Parallel()
	n := network(t, daemon.Viewer)
	all := map[string]refused{"a method of logs": {asked{method: http.MethodDelete, path: "/v1/executions/0/logs"}, 405, "unimplemented"}}
	for _, path := range []string{"/v1/executions//logs", "/v1/executions/./logs", "/v1/executions/../logs", "/v1/executions/a%2fb/logs", "/", "/debug/vars"} {
		all[path] = refused{asked{method: http.MethodGet, path: path}, 404, "unimplemented"}
	}
	n.refuses(t, all)
}

// with is a request with a header.
func with(name, value string) asked { return asked{header: map[string]string{name: value}} }

// A token is in its header, whole, or there is none. It is in no log.
func TestRPC05_WrongToken(t *testing.T) {
	t.Parallel()
	n := network(t, daemon.Operator)
	const denied = "unauthenticated"
	n.refuses(t, map[string]refused{
		"none":                  {with("Authorization", ""), 401, denied},
		"a wrong one":           {with("Authorization", "Bearer "+n.secret[:len(n.secret)-1]+"!"), 401, denied},
		"one that never was":    {with("Authorization", "Bearer cloudops_0123456789ab_"+strings.Repeat("A", 43)), 401, denied},
		"a path":                {with("Authorization", "Bearer cloudops_../../../etc_"+strings.Repeat("A", 43)), 401, denied},
		"another scheme":        {with("Authorization", "Basic "+n.secret), 401, denied},
		"in the URL":            {asked{path: verbs + "Execute?token=" + n.secret + "&access_token=" + n.secret, header: map[string]string{"Authorization": ""}}, 401, denied},
		"in a cookie":           {asked{header: map[string]string{"Authorization": "", "Cookie": "token=" + n.secret}}, 401, denied},
		"a space behind it":     {with("Authorization", "Bearer  "+n.secret), 401, denied},
		"40 KB":                 {with("Authorization", "Bearer "+n.secret+strings.Repeat("A", 40_000)), 401, denied},
		"a megabyte":            {with("Authorization", "Bearer "+strings.Repeat("A", 1<<20)), 431, ""},
		"gRPC, with none":       {asked{header: map[string]string{"Content-Type": "application/grpc", "Authorization": ""}}, 200, ""},
		"what its role may not": {asked{path: verbs + "Delete", body: `{"ids":[]}`}, 403, "permission_denied"},
	})
}

// Guessing is slow. Who has a token that is good gets in as soon as nobody guesses at its
// address, and what needs none is always there.
func TestRPC05_GuessesAreFew(t *testing.T) {
	t.Parallel()
	n := network(t, daemon.Viewer)
	status := 0
	for range 1000 {
		if status, _ = n.stats(t, "guess"); status != http.StatusUnauthorized {
			break
		}
	}
	if status != http.StatusTooManyRequests {
		t.Errorf("after a thousand guesses: %d", status)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, _ := ask(t, n.at, look(path)); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
		if status, _ := ask(t, n.at, &asked{method: http.MethodPost, path: path, body: "x"}); status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, status)
		}
	}
	for status != http.StatusOK {
		if status, _ = n.stats(t, n.secret); status != http.StatusOK && status != http.StatusTooManyRequests {
			t.Fatalf("then a good token: %d", status)
		}
	}
}

// The hash of a token is compared in constant time, and looked at in no other way.
func TestRPC05_ConstantTime(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("token.go")
	must(t, err)
	compared := 0
	for line := range strings.Lines(string(source)) {
		if !strings.Contains(line, ".Hash") {
			continue
		}
		if compared++; !strings.Contains(line, "subtle.ConstantTimeCompare(") {
			t.Errorf("a hash is compared by %s", line)
		}
	}
	if compared != 1 {
		t.Errorf("a hash is compared at %d places, want 1", compared)
	}
}

// A page whose name was made to point here has a Host and an Origin that agree.
func TestRPC06_DNSRebinding(t *testing.T) {
	t.Parallel()
	n := network(t, daemon.Operator)
	port := n.at[strings.LastIndex(n.at, ":"):]
	all := map[string]refused{}
	for _, host := range []string{
		"evil.example" + port, "evil.example", "127.0.0.1:1", "127.0.0.1.evil.example" + port, "localhost.evil.example" + port, "localhost",
		"0.0.0.0" + port, "[::]" + port, "127.0.0.1" + port + ".evil.example", "2130706433" + port, "evil",
	} {
		all[host] = refused{asked{header: map[string]string{"Host": host, "Origin": "http://" + host}}, 421, "permission_denied"}
		all["GET from "+host] = refused{asked{method: http.MethodGet, path: "/v1/executions/0/logs", header: map[string]string{"Host": host}}, 421, "permission_denied"}
		all["health from "+host] = refused{asked{method: http.MethodGet, path: "/healthz", header: map[string]string{"Host": host}}, 421, "permission_denied"}
	}
	n.refuses(t, all)
}

// What a browser sends for another site is refused; what no browser sends is not.
func TestRPC07_ForeignOrigin(t *testing.T) {
	t.Parallel()
	n := network(t, daemon.Operator)
	port := n.at[strings.LastIndex(n.at, ":"):]
	all := map[string]refused{
		"a page of another site":    {with("Sec-Fetch-Site", "cross-site"), 403, "permission_denied"},
		"a page of another port":    {with("Sec-Fetch-Site", "same-site"), 403, "permission_denied"},
		"no browser":                {asked{path: verbs + "Stats", body: "{}"}, 200, ""},
		"its own page":              {asked{path: verbs + "Stats", body: "{}", header: map[string]string{"Origin": n.at, "Sec-Fetch-Site": "same-origin"}}, 200, ""},
		"preflight of another site": {asked{method: http.MethodOptions, header: map[string]string{"Origin": "http://evil.example"}}, 403, "permission_denied"},
	}
	for _, origin := range []string{
		"http://evil.example", "null", "http://localhost.evil.example" + port, "http://127.0.0.1:1", "http://localhost" + port, "evil", "://", n.at + ".evil.example",
	} {
		all[origin] = refused{with("Origin", origin), 403, "permission_denied"}
	}
	n.refuses(t, all)
}

// What a form can send, and what a link can, has no effect.
func TestRPC08_SimpleRequests(t *testing.T) {
	t.Parallel()
	n := network(t, daemon.Operator)
	all := map[string]refused{
		"no type":        {with("Content-Type", ""), 415, "invalid_argument"},
		"no verb":        {asked{path: verbs + "Nothing"}, 404, "unimplemented"},
		"TRACE":          {asked{method: http.MethodTrace}, 405, "unimplemented"},
		"a method of me": {asked{method: "RUN"}, 405, "unimplemented"},
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json", "application/jsonp", "application/json, text/plain", "application/json; ="} {
		all[kind] = refused{with("Content-Type", kind), 415, "invalid_argument"}
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		code := "unimplemented"
		if method == http.MethodHead {
			code = "" // it has no body
		}
		all[method] = refused{asked{method: method, path: verbs + "Execute?encoding=json&connect=v1&message=%7B%7D"}, 405, code}
	}
	n.refuses(t, all)
}
