package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
)

// The variables that name a daemon elsewhere, and have the token for it. A token is no
// flag: others see the flags of a program.
const (
	hostVariable  = engine.EnvPrefix + "HOST"
	tokenVariable = engine.EnvPrefix + "TOKEN"
)

// remote is the engine of a daemon in place of a state directory. What only the directory
// has is on the daemon's machine.
type remote struct {
	*client.Client

	at string
}

var _ stateDir = (*remote)(nil)

// host is the daemon that somebody names: by a flag, or by the variable where no flag
// names a state directory. "" is none.
func (p *program) host() string {
	if p.stateDirFlag != "" {
		return p.hostFlag
	}
	return cmp.Or(p.hostFlag, os.Getenv(hostVariable))
}

// here refuses a named daemon for what is about this machine.
func (p *program) here(what string) error {
	if at := p.host(); at != "" {
		return fault("leave --host and "+hostVariable+" away, on the machine itself", "%s is about this machine, and not about %s", what, clip(at))
	}
	return nil
}

// dialHost returns the engine of a daemon that somebody names.
func dialHost(at string) (*remote, error) {
	where, err := url.Parse(at)
	if err != nil {
		return nil, fault("unix:///PATH, https://HOST or http://127.0.0.1:PORT", "--host: %q cannot be read", clip(at))
	}
	c := client.Config{Patience: -1}
	if token := os.Getenv(tokenVariable); token != "" && where.Scheme != "unix" {
		ip := net.ParseIP(where.Hostname())
		if where.Scheme == "http" && where.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, fault("https://…", "--host %s: everybody on the way could read the token", clip(at))
		}
		c.HTTP = &http.Client{
			Transport: &bearer{token: token, next: &http.Transport{
				Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
			}},
			// A token is for who was named, and not for where that points.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	engine, err := client.New(at, c)
	if err != nil {
		return nil, advise(err, "unix:///PATH, https://HOST or http://127.0.0.1:PORT")
	}
	return &remote{engine, at}, nil
}

// bearer adds a token to requests.
type bearer struct {
	token string
	next  *http.Transport
}

// RoundTrip makes one request.
func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}

// CloseIdleConnections is for who closes the client.
func (b *bearer) CloseIdleConnections() { b.next.CloseIdleConnections() }

// dialHere returns the engine of the daemon that has our state directory, nil where none
// answers: then the directory itself will do.
func (p *program) dialHere(ctx context.Context, named string) stateDir {
	path, err := p.socketPath(named)
	if err != nil {
		return nil
	}
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", path)
	if err != nil || c.Close() != nil {
		return nil
	}
	at := "unix://" + path
	engine, err := client.New(at, client.Config{Patience: -1})
	if err != nil {
		return nil // a path that no URL can have
	}
	return &remote{engine, at}
}

func (r *remote) onlyThere(what string) error {
	return advise(fmt.Errorf("%w: a daemon does not %s", errors.ErrUnsupported, what), "run it on the machine of %s, without --host", r.at)
}

// Record is what is kept of an execution. What waits for its start has secrets yet, which a
// daemon hands to nobody.
func (r *remote) Record(ctx context.Context, id engine.ID) (engine.Record, error) {
	kept, err := r.Client.Record(ctx, id)
	if err == nil && kept.Whole {
		err = fault("once it has started; a state directory tells it now", "the request of %s is not told while it is %s", id, kept.Execution.Status)
	}
	return kept, err
}

// Check is for the directory itself.
func (r *remote) Check(context.Context) error { return r.onlyThere("look for damage") }

// Rebuild is for the directory itself.
func (r *remote) Rebuild(context.Context) (int, error) { return 0, r.onlyThere("rebuild its history") }
