package client

import (
	"context"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
)

// pieceOfStdin is the most that one call writes.
const pieceOfStdin = 1 << 20

// A write is asked for in slices of time. A slice is not broken off, so that how much was
// taken is known to the byte when the context ends; lostAfter bounds what that costs where
// nobody answers.
const (
	slice     = 200 * time.Millisecond
	lostAfter = 10 * time.Second
)

// typist is held by who writes to a stdin, so that the calls of a client do not mix.
type typist struct {
	turn    chan struct{} // holds one token
	waiting int           // guarded by Client.mu
}

// WriteStdin writes to the stdin of an execution. See [engine.API].
func (c *Client) WriteStdin(ctx context.Context, id engine.ID, p []byte) (n int, err error) {
	ctx, leave := c.within(ctx)
	defer leave()
	giveBack, err := c.takeTurn(ctx, id)
	if err != nil {
		return 0, err
	}
	defer giveBack()
	for {
		piece := p[n:min(len(p), n+pieceOfStdin)]
		out, err := c.writeSlice(ctx, id, piece)
		n += int(out.GetWritten())
		switch {
		case err != nil:
			return n, err
		case n == len(p):
			return n, nil
		case ctx.Err() != nil:
			return n, context.Cause(ctx)
		}
	}
}

func (c *Client) writeSlice(ctx context.Context, id engine.ID, p []byte) (*pb.WriteStdinResponse, error) {
	long := slice
	if deadline, ok := ctx.Deadline(); ok {
		long = min(max(time.Until(deadline), 0), long)
	}
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), long+lostAfter)
	defer cancel()
	return call(whole, c, c.rpc.WriteStdin, &pb.WriteStdinRequest{Id: id.String(), Data: p, WaitMs: new(int32(long.Milliseconds()))})
}

// takeTurn waits until nobody else of this client writes to a stdin.
func (c *Client) takeTurn(ctx context.Context, id engine.ID) (giveBack func(), err error) {
	c.mu.Lock()
	t := c.typing[id]
	if t == nil {
		t = &typist{turn: make(chan struct{}, 1)}
		t.turn <- struct{}{}
		c.typing[id] = t
	}
	t.waiting++
	c.mu.Unlock()
	forget := func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if t.waiting--; t.waiting == 0 {
			delete(c.typing, id)
		}
	}
	select {
	case <-t.turn:
	case <-ctx.Done():
		forget()
		return nil, context.Cause(ctx)
	}
	return func() {
		t.turn <- struct{}{}
		forget()
	}, nil
}

// CloseStdin ends the stdin of an execution. See [engine.API].
func (c *Client) CloseStdin(ctx context.Context, id engine.ID) error {
	ctx, leave := c.within(ctx)
	defer leave()
	giveBack, err := c.takeTurn(ctx, id)
	if err != nil {
		return err
	}
	defer giveBack()
	_, err = call(ctx, c, c.rpc.CloseStdin, &pb.CloseStdinRequest{Id: id.String()})
	return err
}
