package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/gen/cloudops/v1/cloudopsv1connect"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// ErrUnreachable is that nobody answers who is an engine, or not any more.
var ErrUnreachable = errors.New("the engine cannot be reached")

// Config says how a [Client] behaves. The zero value is a good one.
type Config struct {
	// Patience is how long a client tries again that reached the engine before and does not
	// any more. A call that is made before the first answer is not tried again. Defaults to
	// 30 s; below 0: not at all.
	Patience time.Duration
	// KeepAlive is how long a stream may say nothing; one that does three times as long is
	// taken for cut. Defaults to 15 s; at least 1 s and at most a minute.
	KeepAlive time.Duration
	// WithoutOutput leaves stdout and stderr out of the results that Watch and WatchAll yield,
	// for readers who see the output anyway: a result with 10 MiB is a message of 10 MiB to
	// each of them.
	WithoutOutput bool
	// HTTP makes the requests. Defaults to one of the client's own.
	HTTP connect.HTTPClient
	// Options are put behind the client's own: interceptors, another protocol.
	Options []connect.ClientOption
}

// maxAnswer is the most that one message may have: a result with two full streams, also
// where an operator has made them larger.
const maxAnswer = 256 << 20

// Client is an engine behind a wire. It is safe for concurrent use; make it with [New].
type Client struct {
	config Config
	rpc    cloudopsv1connect.ExecutionServiceClient
	idle   func() // closes connections that nobody uses
	met    atomic.Bool

	closed context.Context //nolint:containedctx // it is what Shutdown ends, and what ends calls
	close  context.CancelCauseFunc

	mu     sync.Mutex
	typing map[engine.ID]*typist // who writes to a stdin
}

var _ engine.API = (*Client)(nil)

// New returns a client of the engine at unix:///PATH, npipe:////./pipe/NAME, http://HOST:PORT or https://…. It
// connects with the first call. Errors: engine.ErrInvalidConfig.
func New(target string, c Config) (*Client, error) {
	c.Patience = cmp.Or(c.Patience, 30*time.Second)
	c.KeepAlive = min(max(cmp.Or(c.KeepAlive, 15*time.Second), time.Second), time.Minute)
	where, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("%w: engine at %q: %w", engine.ErrInvalidConfig, target, err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute, DisableCompression: true}
	switch dial := local(where); {
	case dial != nil:
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }
		target = "http://localhost" // what a Host header has to say
	case where.Scheme != "http" && where.Scheme != "https" || where.Host == "":
		return nil, fmt.Errorf("%w: engine at %q: must be unix:///PATH, npipe:////./pipe/NAME, http://HOST:PORT or https://HOST", engine.ErrInvalidConfig, target)
	}
	client := &Client{config: c, idle: transport.CloseIdleConnections, typing: make(map[engine.ID]*typist)}
	client.closed, client.close = context.WithCancelCause(context.Background())
	if c.HTTP == nil {
		c.HTTP = &http.Client{Transport: transport}
	}
	options := append([]connect.ClientOption{
		connect.WithReadMaxBytes(maxAnswer),
		connect.WithAcceptCompression("gzip", nil, nil),
	}, c.Options...)
	client.rpc = cloudopsv1connect.NewExecutionServiceClient(c.HTTP, target, options...)
	return client, nil
}

// Shutdown closes the client: its calls end with engine.ErrClosed, and so do all that come.
// The engine, and what runs there, go on. It does not wait and returns nil.
func (c *Client) Shutdown(context.Context) error {
	c.close(fmt.Errorf("%w: this client of it was closed", engine.ErrClosed))
	c.idle()
	return nil
}

// Outlives reports that what runs goes on when the client is closed.
func (c *Client) Outlives() bool { return true }

// within is a context that Shutdown ends too.
func (c *Client) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.closed, func() { cancel(context.Cause(c.closed)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// heard makes of what a call returned what the engine would have. Where the caller's
// context ended it, or Shutdown did, it is the cause of that.
func (c *Client) heard(ctx context.Context, err error) error {
	if err == nil {
		c.met.Store(true)
		return nil
	}
	said, ok := wire.DecodeConnect(err)
	switch {
	case ok && !isContext(said):
		c.met.Store(true)
		return said
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case ok:
		return said
	}
	switch connect.CodeOf(err) {
	case connect.CodeUnauthenticated:
		return unknownCallerError{err} // a stream is told no hint
	case connect.CodeInvalidArgument, connect.CodeNotFound, connect.CodeAlreadyExists, connect.CodePermissionDenied,
		connect.CodeFailedPrecondition, connect.CodeOutOfRange, connect.CodeResourceExhausted,
		connect.CodeUnimplemented:
		return said // somebody answered who is no engine, stands before one, or knows no such call
	default:
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			c.met.Store(true) // somebody was there, and went away
		}
		return fmt.Errorf("%w: %w", ErrUnreachable, said) // also of a stream that stops without its end
	}
}

// unknownCallerError is that a daemon does not know who calls, or not any more.
type unknownCallerError struct{ error }

// Unwrap is what was said.
func (e unknownCallerError) Unwrap() error { return e.error }

// Hint is what to do about it.
func (e unknownCallerError) Hint() string {
	return "cloudops token create makes a token, on the machine of the daemon; for cloudops it is in CLOUDOPS_TOKEN"
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// once makes one call.
func once[In, Out any](ctx context.Context, c *Client, verb func(context.Context, *In) (*Out, error), in *In) (*Out, error) {
	ctx, leave := c.within(ctx)
	defer leave()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	out, err := verb(ctx, in)
	return out, c.heard(ctx, err)
}

// call makes one call. An engine that says that it ended has done nothing: whoever is
// there next is asked.
func call[In, Out any](ctx context.Context, c *Client, verb func(context.Context, *In) (*Out, error), in *In) (out *Out, err error) {
	tries := attempts{client: c}
	for {
		out, err = once(ctx, c, verb, in)
		if !errors.Is(err, engine.ErrClosed) || !tries.next(ctx) {
			return out, err
		}
	}
}

// again makes a call that may be made twice, until the engine answers.
func again[In, Out any](ctx context.Context, c *Client, verb func(context.Context, *In) (*Out, error), in *In) (out *Out, err error) {
	tries := attempts{client: c}
	for {
		out, err = once(ctx, c, verb, in)
		if !cut(err) || !tries.next(ctx) {
			return out, err
		}
	}
}
