package sidecar

import (
	"cmp"
	"context"
	"log/slog"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/gen/cloudops/v1/cloudopsv1connect"
)

// Protocol is the number of what is spoken here.
const Protocol = 1

// OnExit says what becomes of what was started here and runs yet when the session ends.
type OnExit string

const (
	// Cancel asks it to end, and waits for that.
	Cancel OnExit = "cancel"
	// Leave lets it go on, where the engine outlives this program.
	Leave OnExit = "leave"
)

// Streams are the verbs of the contract that stream. The first message that is sent is
// empty and says that the request was understood; more of them may be. What was sent is
// the stream's again when send returns.
type Streams interface {
	Events(ctx context.Context, m *pb.WatchRequest, send func(*pb.WatchResponse) error) error
	Output(ctx context.Context, m *pb.ReadOutputRequest, send func(*pb.ReadOutputResponse) error) error
}

// Config says who answers, and how. Engine, Service and Streams are required.
type Config struct {
	// Engine is asked for what is no verb: the events of bare requests, and at the end what
	// runs. It stays its caller's.
	Engine engine.API
	// Service answers the calls, Streams those that stream: for the same engine. A handler
	// of package rpc is both.
	Service cloudopsv1connect.ExecutionServiceHandler
	Streams Streams
	// Version is that of the program, Kind where its engine runs commands: for hello.
	Version, Kind string
	// Quiet leaves hello out.
	Quiet bool
	// Window is how many batches of a subscription may be on their way. Zero is 16; below
	// zero there is no bound but the pipe.
	Window int
	// OnExit defaults to Cancel.
	OnExit OnExit
	// Hurry kills what is asked to end at the end of the session. Nil: nobody hurries.
	Hurry <-chan struct{}
	// Logger is told of panics, and of what is left at the end. Defaults to none.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Version = cmp.Or(c.Version, "unknown")
	c.OnExit = cmp.Or(c.OnExit, Cancel)
	c.Window = cmp.Or(c.Window, 16)
	return c
}

// The bounds of what a host may ask for.
const (
	maxFrameBytes    = 4 << 20
	maxCalls         = 1000 // that are not answered yet
	maxBatch         = 100  // requests of one batch
	maxSubscriptions = 256
)
