package daemon_test

import (
	"context"
	"errors"
	"net/http"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// withToken adds a token to requests.
type withToken struct {
	*http.Transport

	secret string
}

// RoundTrip makes one request.
func (w withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+w.secret)
	return w.Transport.RoundTrip(r)
}

// caller is a client of a daemon, with a token if there is one.
func caller(t *testing.T, at, secret string) *client.Client {
	t.Helper()
	c := client.Config{Patience: -1}
	if secret != "" {
		transport := withToken{&http.Transport{}, secret}
		t.Cleanup(transport.CloseIdleConnections)
		c.HTTP = &http.Client{Transport: transport}
	}
	all, err := client.New(at, c)
	must(t, err)
	t.Cleanup(func() { _ = all.Shutdown(context.WithoutCancel(t.Context())) })
	return all
}

// Who asked and who cancelled is whom the daemon has let in, in the record, in its events, in
// the result and in the history. What they say of themselves is for whom they ask.
func TestDaemon_RecordsWhomItHasLetIn(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	state := filepath.Join(dir, "state")
	config := daemon.Config{StateDir: state, Settings: daemon.Settings{Socket: filepath.Join(dir, "s")}}
	none, err := daemon.Open(t.Context(), config, opening())
	must(t, err)
	must(t, none.Shutdown(t.Context())) // the directory is one now
	secret := token(t, state, daemon.Operator)
	config.Listen = "127.0.0.1:0"
	first, err := daemon.Open(t.Context(), config, opening())
	must(t, err)
	at := first.Addresses()
	me, err := user.Current()
	must(t, err)
	here := engine.Actor{Kind: engine.User, Name: me.Username, OnBehalfOf: "agent:bot"}
	there := engine.Actor{Kind: engine.TokenHolder, Name: "test", Role: "operator", OnBehalfOf: "human:boss"}

	local, remote := caller(t, at[0], ""), caller(t, at[1], secret)
	id, err := remote.Execute(t.Context(), engine.Request{
		Command: engine.Shell("sleep 100"), Actor: engine.Actor{Kind: engine.Human, Name: "boss", Role: "admin"},
	})
	must(t, err)
	must(t, local.Cancel(t.Context(), id, engine.Cancellation{Force: true, Actor: engine.Actor{Kind: engine.Agent, Name: "bot"}}))
	r, err := remote.Wait(t.Context(), id)
	if err != nil || r.CancelledBy != here {
		t.Errorf("cancelled by %+v, %v; want %+v", r.CancelledBy, err, here)
	}
	for ev, err := range remote.Watch(t.Context(), id, 0) {
		must(t, err)
		if ev.Kind == engine.ExecutionAccepted && ev.Actor != there {
			t.Errorf("the event says %+v, want %+v", ev.Actor, there)
		}
	}
	must(t, first.Shutdown(t.Context()))
	second := open(t, config)
	x, err := caller(t, second.Addresses()[0], "").Get(t.Context(), id)
	if err != nil || x.Actor != there {
		t.Errorf("the history says %+v, %v; want %+v", x.Actor, err, there)
	}
}

// Nobody is somebody else by saying so, and who hands on what was recorded is not the one
// who is in it.
func TestCaller_CannotBeForged(t *testing.T) {
	t.Parallel()
	n := network(t, daemon.Operator)
	c := caller(t, n.at, n.secret)
	who := engine.Actor{Kind: engine.TokenHolder, Name: "test", Role: "operator"}
	for says, behalf := range map[engine.Actor]string{
		{}:                                    "",
		{Kind: engine.Human}:                  "human:",
		{Name: "x"}:                           ":x",
		{Kind: engine.User, Name: "root"}:     "user:root",
		{Kind: engine.TokenHolder, Name: "a"}: "token:a",
		{Kind: engine.TokenHolder, Name: "test", Role: "admin"}:                 "",
		{Kind: engine.TokenHolder, Name: "a", OnBehalfOf: "agent:b"}:            "agent:b",
		{Kind: engine.TokenHolder, Name: "test", OnBehalfOf: "human:ada:again"}: "human:ada:again",
	} {
		id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("true"), Actor: says})
		must(t, err)
		want := who
		want.OnBehalfOf = behalf
		if x, err := c.Get(t.Context(), id); err != nil || x.Actor != want {
			t.Errorf("who says %+v is %+v, %v; want %+v", says, x.Actor, err, want)
		}
	}
	for _, says := range []engine.Actor{{Kind: "robot"}, {OnBehalfOf: "robot:x"}} {
		_, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("true"), Actor: says})
		if !errors.Is(err, engine.ErrInvalid) || !strings.Contains(err.Error(), "must be human, agent, schedule or service") {
			t.Errorf("%+v: %v", says, err)
		}
	}
}
