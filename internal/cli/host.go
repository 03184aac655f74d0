package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// The variables that name a daemon elsewhere, and have the token for it. A token is no
// flag: others see the flags of a program.
const (
	hostVariable  = engine.EnvPrefix + "HOST"
	tokenVariable = engine.EnvPrefix + "TOKEN"
)

// patience is how long a command waits for a daemon that answered before: longer than one
// takes to be replaced, and shorter than somebody at a terminal waits for nothing.
const patience = 10 * time.Second

// remote is the engine of a daemon in place of a state directory. What only the directory
// has is on the daemon's machine.
type remote struct {
	*client.Client

	at string
}

var _ stateDir = (*remote)(nil)

// host is where the daemon is that somebody names, "" for none.
func (p *program) host() string {
	t, _ := p.target() // whoever opens it says what is wrong
	return t.at
}

// here refuses a named daemon for what is about this machine.
func (p *program) here(what string) error {
	t, err := p.target()
	if err == nil && t.at != "" {
		err = fault("--context default, on the machine itself", "%s is about this machine, and not about %s (%s)", what, clip(t.at), t.why)
	}
	if err == nil && t.at == "" {
		err = p.tls.withoutHost()
	}
	return err
}

// dialHost returns the engine of a daemon that somebody names. It may be away for so long once
// it was reached.
func dialHost(t *target, away time.Duration) (*remote, error) {
	at := t.at
	where, err := url.Parse(at)
	if err != nil {
		return nil, fault("unix:///PATH, https://HOST or http://127.0.0.1:PORT", "--host: %q cannot be read", clip(at))
	}
	c := client.Config{Patience: away}
	transport, err := t.tls.transport(where)
	if err != nil {
		return nil, err
	}
	if transport != nil {
		c.HTTP = &http.Client{Transport: transport}
	}
	token, err := t.token()
	if err != nil {
		return nil, err
	}
	if token != "" && transport != nil {
		ip := net.ParseIP(where.Hostname())
		if where.Scheme == "http" && where.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, fault("https://…", "--host %s: everybody on the way could read the token", clip(at))
		}
		c.HTTP = &http.Client{
			Transport: &bearer{token: token, next: transport},
			// A token is for who was named, and not for where that points.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	there, err := client.New(at, c)
	if err != nil {
		return nil, engine.Advise(err, "unix:///PATH, https://HOST or http://127.0.0.1:PORT")
	}
	return &remote{there, at}, nil
}

// bearer adds a token to requests.
type bearer struct {
	token string
	next  *hinting
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
	at := daemon.SocketURL(path)
	if !client.Listens(ctx, at) {
		return nil
	}
	engine, err := client.New(at, client.Config{Patience: patience})
	if err != nil {
		return nil // a path that no URL can have
	}
	return &remote{engine, at}
}

func (r *remote) onlyThere(what string) error {
	return engine.Advise(fmt.Errorf("%w: a daemon does not %s", errors.ErrUnsupported, what), "run it on the machine of %s, without --host", r.at)
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
