package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"connectrpc.com/connect"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// Output yields what an execution wrote. See [engine.API]. Where the connection is cut it
// goes on behind the last piece that was yielded.
func (c *Client) Output(ctx context.Context, id engine.ID, from engine.Cursor) iter.Seq2[engine.Output, error] {
	return func(yield func(engine.Output, error) bool) {
		at := from
		err := follow(ctx, c, always, func(ctx context.Context) (*connect.ServerStreamForClient[pb.ReadOutputResponse], error) {
			return c.rpc.ReadOutput(ctx, &pb.ReadOutputRequest{Id: id.String(), From: int64(at), KeepAliveMs: c.keepAlive()})
		}, func(m *pb.ReadOutputResponse) error {
			for _, chunk := range m.GetChunks() {
				o, err := wire.DecodeOutput(chunk)
				if err != nil {
					return err
				}
				if at = o.Cursor; !yield(o, nil) {
					return errEnough
				}
			}
			return nil
		})
		if err != nil {
			yield(engine.Output{}, err)
		}
	}
}

// Lines yields the lines that a query chooses. See [engine.API]. It is not resumed: what it
// gives is of now. One that is cut amid them is ErrUnreachable.
func (c *Client) Lines(ctx context.Context, id engine.ID, q engine.LineQuery) iter.Seq2[engine.Line, error] {
	return func(yield func(engine.Line, error) bool) {
		given := false
		untouched := func() bool { return !given }
		err := follow(ctx, c, untouched, func(ctx context.Context) (*connect.ServerStreamForClient[pb.ReadOutputResponse], error) {
			return c.rpc.ReadOutput(ctx, &pb.ReadOutputRequest{Id: id.String(), Lines: wire.EncodeLineQuery(&q), KeepAliveMs: c.keepAlive()})
		}, func(m *pb.ReadOutputResponse) error {
			for _, line := range m.GetLines() {
				l, err := wire.DecodeLine(line)
				if err != nil {
					return err
				}
				if given = true; !yield(l, nil) {
					return errEnough
				}
			}
			return nil
		})
		if err != nil {
			yield(engine.Line{}, err)
		}
	}
}

// errEnough is that the loop was left.
var errEnough = errors.New("enough")

// errSilent is the cause of a stream that said nothing for too long.
var errSilent = errors.New("the stream fell silent")

func (c *Client) keepAlive() *int32 { return new(int32(c.config.KeepAlive.Milliseconds())) }

// always is that a stream may be opened again at any time.
func always() bool { return true }

// follow reads a stream to its end, and opens it again where it is cut, if it may. It returns
// why the rest cannot be had, nil at the end and where the loop was left.
func follow[M any](ctx context.Context, c *Client, may func() bool, open func(context.Context) (*connect.ServerStreamForClient[M], error), take func(*M) error) error {
	ctx, leave := c.within(ctx)
	defer leave()
	tries := attempts{client: c}
	for {
		err := read(ctx, c, open, func(m *M) error {
			c.met.Store(true)
			tries.succeeded()
			return take(m)
		})
		switch {
		case err == nil, errors.Is(err, errEnough):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !cut(err) || !may() || !tries.next(ctx):
			return err
		}
	}
}

// cut reports whether a stream may be had from whoever is there next.
func cut(err error) bool { return errors.Is(err, ErrUnreachable) || errors.Is(err, engine.ErrClosed) }

// read reads one stream.
func read[M any](ctx context.Context, c *Client, open func(context.Context) (*connect.ServerStreamForClient[M], error), take func(*M) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := time.AfterFunc(3*c.config.KeepAlive, func() { cancel(errSilent) })
	defer silent.Stop()
	stream, err := open(ctx)
	if err != nil {
		return c.broken(ctx, err)
	}
	defer func() {
		cancel(nil) // first: to close it would read the rest
		_ = stream.Close()
	}()
	for stream.Receive() {
		silent.Stop() // a loop may take its time
		if err := take(stream.Msg()); err != nil {
			return err
		}
		silent.Reset(3 * c.config.KeepAlive)
	}
	return c.broken(ctx, stream.Err())
}

// broken makes of the end of a stream what it means.
func (c *Client) broken(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), errSilent), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", ErrUnreachable, cause(ctx, err))
	}
	return c.heard(ctx, err)
}

func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
