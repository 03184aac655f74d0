package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/time/rate"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// guard lets in who may, and hands over to next.
type guard struct {
	next     http.Handler
	health   http.Handler
	handOver func(w http.ResponseWriter, r *http.Request) error // nil at a network
	errors   *connect.ErrorWriter
	tokens   Tokens
	leases   *leases
	rules    *atomic.Pointer[rules]
	inside   *turnstile
	log      *slog.Logger
	network  bool   // tokens are asked for, else the user at the other end
	port     string // where it listens, of a network
	most     int    // bytes of one request

	failures rates          // of tokens, by address
	uses     rates          // by token
	noise    rate.Sometimes // what is refused is not worth a line each
}

// envelope is what a request has around its one message, generously: without a bound of its
// own, what comes behind the message would be read as long as it comes.
const envelope = 4 << 10

func newGuard(d *Daemon, next http.Handler, network bool, port string) *guard {
	tokens := TokensIn(d.config.StateDir)
	g := &guard{
		next: next, health: http.HandlerFunc(d.serveHealth), errors: connect.NewErrorWriter(), tokens: tokens, leases: newLeases(tokens, d.config.MaxRequests), rules: &d.rules,
		inside: newTurnstile(d.config.MaxRequests), log: d.log, network: network, port: port,
		most:  d.config.MaxRequestBytes + envelope,
		noise: rate.Sometimes{First: 10, Interval: time.Second},
	}
	if !network {
		g.handOver = d.serveHandover
	}
	return g
}

// ServeHTTP serves a request, or says why not.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rules := g.rules.Load()
	if !g.inside.enter() {
		g.turnAway(w, r)
		return
	}
	defer g.inside.leave()
	if err := g.fromHere(r, rules); err != nil {
		g.deny(w, r, err)
		return
	}
	if isHealth(r.URL.Path) {
		g.health.ServeHTTP(w, r)
		return
	}
	who, token, err := g.admit(r, rules)
	if err != nil {
		g.deny(w, r, err)
		return
	}
	if r.URL.Path == handoverPath && g.handOver != nil {
		if err := g.handOver(w, r); err != nil {
			g.deny(w, r, err)
		}
		return
	}
	visitOf(r.Context()).who = who
	ctx := context.WithValue(r.Context(), callerKey{}, who)
	if g.network { // a stream does not outlive its token
		inside, leave, ok := g.leases.within(ctx, &token)
		if !ok {
			g.deny(w, r, refuse(http.StatusTooManyRequests, connect.CodeResourceExhausted, "too much that was begun with this token is open", "end some of it"))
			return
		}
		ctx = inside
		defer leave()
	}
	if err := g.bound(w, r); err != nil {
		g.deny(w, r, err)
		return
	}
	g.next.ServeHTTP(w, r.WithContext(ctx))
}

// bound bounds what is read of a request. One that says that it is too large is not read at
// all.
func (g *guard) bound(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength > int64(g.most) {
		return refuse(http.StatusRequestEntityTooLarge, connect.CodeResourceExhausted,
			fmt.Sprintf("the request has %d bytes, and may have %d", r.ContentLength, g.most), "max_request_bytes bounds it; write long input with WriteStdin")
	}
	r.Body = http.MaxBytesReader(w, r.Body, int64(g.most))
	return nil
}

// turnAway says why nobody comes in: there are too many, or we end. What the end says of an
// engine it says in those words, so that a client asks again: nothing was done here.
func (g *guard) turnAway(w http.ResponseWriter, r *http.Request) {
	if !g.inside.isClosed() {
		g.deny(w, r, refuse(http.StatusServiceUnavailable, connect.CodeUnavailable, "too many requests at once", "try again in a moment; max_requests bounds them"))
		return
	}
	w.Header().Set("Connection", "close")
	w.Header().Set("Retry-After", "1")
	if g.errors.IsSupported(r) {
		_ = g.errors.Write(w, r, wire.EncodeConnect(fmt.Errorf("%w: the daemon is ending", engine.ErrClosed))) // or they are gone
		return
	}
	g.deny(w, r, refuse(http.StatusServiceUnavailable, connect.CodeUnavailable, "the daemon is ending", "ask the next one"))
}

// fromHere refuses what a page of another site could send, and other users.
func (g *guard) fromHere(r *http.Request, rules *rules) error {
	if !g.network {
		if err := ownUser(r.Context()); err != nil {
			return err
		}
	}
	if !rules.isHost(r.Host, g.network, g.port) {
		return refuse(http.StatusMisdirectedRequest, connect.CodePermissionDenied, "this daemon is not known by that Host", "allowed_hosts lists the names by which it is")
	}
	return rules.checkOrigin(r)
}

// admit says who calls, and with which token, if they may do what they ask for.
func (g *guard) admit(r *http.Request, rules *rules) (caller, Token, error) {
	need, err := verbRight(r.URL.Path)
	if err != nil {
		return caller{}, Token{}, refuse(http.StatusNotFound, connect.CodeUnimplemented, err.Error(), "docs/api.md lists the verbs: POST "+service+"Execute, say, or GET /v1/executions/ID/logs")
	}
	if err := checkMethod(r, need); err != nil {
		return caller{}, Token{}, err
	}
	if !g.network {
		return caller{name: accountOf(r.Context()), role: Admin, local: true}, Token{}, nil
	}
	token, err := g.authenticate(r)
	if err != nil {
		return caller{}, Token{}, err
	}
	if !g.uses.allow(token.ID, rules.RequestsPerSecond) {
		return caller{}, Token{}, refuse(http.StatusTooManyRequests, connect.CodeResourceExhausted, "too many requests", "try again in a second; requests_per_second bounds those of one token")
	}
	if !token.Role.may(need) {
		return caller{}, Token{}, refuse(http.StatusForbidden, connect.CodePermissionDenied, "the role "+string(token.Role)+" may not do that", "ask for a token with a role that may; docs/security.md lists them")
	}
	return caller{name: cmp.Or(token.Name, token.ID), role: token.Role}, token, nil
}

// failuresPerSecond is how many wrong tokens of one address are looked at.
const failuresPerSecond = 5

// letIn is what to do without a token that is good. Clients are told alike.
const letIn = "cloudops token create makes a token, on the machine of the daemon; for cloudops it is in CLOUDOPS_TOKEN"

// authenticate returns the token of a request: it stands in a header, never in a URL,
// which others write to logs.
func (g *guard) authenticate(r *http.Request) (Token, error) {
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		from = r.RemoteAddr
	}
	if g.failures.spent(from, failuresPerSecond) {
		return Token{}, refuse(http.StatusTooManyRequests, connect.CodeResourceExhausted, "too many wrong tokens", "try again in a second")
	}
	secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return Token{}, refuse(http.StatusUnauthorized, connect.CodeUnauthenticated, "a token is needed: Authorization: Bearer …", letIn)
	}
	token, err := g.tokens.verify(secret, time.Now())
	if err == nil {
		return token, nil
	}
	g.failures.allow(from, failuresPerSecond)
	if !errors.Is(err, errToken) {
		g.log.LogAttrs(r.Context(), slog.LevelError, "a token cannot be read", slog.String("error", err.Error()))
	}
	return Token{}, refuse(http.StatusUnauthorized, connect.CodeUnauthenticated, errToken.Error(), letIn)
}

// checkMethod has what changes something be asked for in a way that no page of another
// site has: by POST, with a type that a form cannot have.
func checkMethod(r *http.Request, need right) error {
	switch {
	case r.Method == http.MethodPost:
	case (need == toLook || need == toProfile) && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		return nil
	default:
		return notByMethod(r, need)
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	rest, isApplication := strings.CutPrefix(kind, "application/")
	for _, known := range []string{"json", "proto", "connect+json", "connect+proto"} {
		if err == nil && isApplication && rest == known {
			return nil
		}
	}
	if err == nil && isApplication && (rest == "grpc" || strings.HasPrefix(rest, "grpc+") || strings.HasPrefix(rest, "grpc-web")) {
		return nil
	}
	return refuse(http.StatusUnsupportedMediaType, connect.CodeInvalidArgument, fmt.Sprintf("Content-Type %.60q is none of a request", r.Header.Get("Content-Type")),
		"Content-Type: application/json is, or a type of Connect or gRPC")
}
