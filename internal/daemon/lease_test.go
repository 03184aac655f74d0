package daemon_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// A stream, a call that waits and a log end with their token, and say so, without a restart
// or a signal; the same token opens nothing more. Others go on.
func TestDaemon_EndsWhatWasBegunWithATokenThatEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, tokens daemon.Tokens, id string){
		"revoked": func(t *testing.T, tokens daemon.Tokens, id string) { t.Helper(); must(t, tokens.Revoke(id)) },
		"replaced": func(t *testing.T, tokens daemon.Tokens, id string) { // by hand: its role is another
			t.Helper()
			path := filepath.Join(tokens.Dir, id+".json")
			text, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "operator", "nobody")), 0o600))
		},
		"expired": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := network(t, daemon.Admin)
			tokens, now := daemon.TokensIn(n.dir), time.Now()
			lives := time.Hour
			if end == nil {
				lives = 3 * time.Second // what is begun has to be begun by then: else it is refused, which is no fault
			}
			secret, made, err := tokens.Create("short", daemon.Operator, now, now.Add(lives))
			must(t, err)
			c := caller(t, n.at, n.secret)
			id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("echo on; sleep 1000")})
			must(t, err)
			ended := beginAll(t, n.at, secret, id)
			if end != nil {
				end(t, tokens, made.ID)
			}
			for range 3 {
				if err := <-ended; connect.CodeOf(err) != connect.CodeUnauthenticated {
					t.Errorf("it ended with %v", err)
				}
			}
			if status, _ := n.stats(t, secret); status != http.StatusUnauthorized {
				t.Errorf("a new call: %d", status)
			}
			must(t, c.Cancel(t.Context(), id, engine.Cancellation{Force: true}))
		})
	}
}

// One token does not take all the room: when it has its share, others are served on.
func TestDaemon_HasRoomBesideAGreedyToken(t *testing.T) {
	t.Parallel()
	n := network(t, daemon.Admin, func(s *daemon.Settings) { s.MaxRequests = 8 })
	now := time.Now()
	secret, _, err := daemon.TokensIn(n.dir).Create("greedy", daemon.Operator, now, now.Add(time.Hour))
	must(t, err)
	c := caller(t, n.at, n.secret)
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("sleep 1000")})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	greedy := caller(t, n.at, secret)
	const room = 6
	following, refused := make(chan bool, room), make(chan error, 1)
	for range room {
		spawn(t, func() {
			open := false
			for _, err := range greedy.Watch(ctx, id, 0) { // what was recorded shows that it is open
				if !open {
					open = true
					following <- err == nil
				}
			}
		})
	}
	for range room {
		if !<-following {
			t.Fatal("there is no room for its share")
		}
	}
	spawn(t, func() { _, err := greedy.Stats(ctx); refused <- err })
	if err := <-refused; connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Errorf("one more: %v", err)
	}
	if _, err := c.Stats(t.Context()); err != nil {
		t.Errorf("another: %v", err)
	}
	must(t, c.Cancel(t.Context(), id, engine.Cancellation{Force: true}))
}

// beginAll follows an execution, waits for it and reads its log, and tells how each ended once
// all have begun.
func beginAll(t *testing.T, at, secret string, id engine.ID) <-chan error {
	t.Helper()
	c := caller(t, at, secret)
	ended := make(chan error, 3)
	following := make(chan bool, 1)
	spawn(t, func() {
		ended <- func() error {
			for ev, err := range c.Watch(t.Context(), id, 0) {
				if err != nil {
					return err
				}
				if ev.Kind == engine.StdoutWritten {
					following <- true
				}
			}
			return errors.New("as if the execution had ended")
		}()
		following <- false
	})
	<-following
	spawn(t, func() { _, err := c.Wait(t.Context(), id); ended <- err })
	spawn(t, func() {
		header := map[string]string{"Authorization": "Bearer " + secret}
		_, text := ask(t, at, &asked{http.MethodGet, "/v1/executions/" + id.String() + "/logs?follow=1&format=ndjson", "", header})
		var err error
		if strings.Contains(text, `"code":"unauthenticated"`) {
			err = connect.NewError(connect.CodeUnauthenticated, nil)
		}
		ended <- err
	})
	return ended
}
