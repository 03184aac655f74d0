package rpc

import (
	"cmp"
	"log/slog"
	"time"

	"connectrpc.com/connect"
)

// Config says how a [Handler] answers. The zero value is a good one.
type Config struct {
	// Version is that of the program, which Info tells.
	Version string
	// Logger is told of panics. Defaults to none.
	Logger *slog.Logger
	// MaxRequestBytes is the most that one message to the engine may have, unpacked.
	// Defaults to 16 MiB.
	MaxRequestBytes int
	// KeepAlive is how long a stream says nothing at most, where its reader does not ask
	// for something else. Defaults to 15 s.
	KeepAlive time.Duration
	// Options are put behind the handler's own: gates, which see a call before it is read,
	// and interceptors.
	Options []connect.HandlerOption
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Version = cmp.Or(c.Version, "unknown")
	c.MaxRequestBytes = cmp.Or(c.MaxRequestBytes, 16<<20)
	c.KeepAlive = cmp.Or(c.KeepAlive, 15*time.Second)
	return c
}

// The bounds of what a client may ask for.
const (
	maxWait      = time.Minute
	defaultWait  = maxWait / 2
	minKeepAlive = time.Second
	maxKeepAlive = time.Minute
	maxBatch     = 1000 // requests of one ExecuteBatch
	maxWatched   = 1000 // executions of one Watch
)

// compressFrom is the size from which messages are compressed for those who take it.
// Smaller ones cost more time than they save, on a local socket six times as much.
const compressFrom = 1 << 20

// keepAlive is what a stream keeps to, of what its reader asks for.
func (c Config) keepAlive(asked *int32) time.Duration {
	if asked == nil {
		return c.KeepAlive
	}
	return min(max(time.Duration(*asked)*time.Millisecond, minKeepAlive), maxKeepAlive)
}

// patience is how long a call waits, of what its caller asks for.
func patience(asked *int32) time.Duration {
	if asked == nil {
		return defaultWait
	}
	return min(max(time.Duration(*asked)*time.Millisecond, 0), maxWait)
}
