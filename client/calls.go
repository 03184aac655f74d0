package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
)

// Execute accepts a request. See [engine.API]. A request without an id is given one. Errors
// besides: engine.ErrUnsupported for a reader as stdin and for a tee, engine.ErrInvalid for
// text that is not UTF-8, engine.ErrTimeoutTooLarge for what is above 24 days and not
// engine.Forever, [ErrUnreachable].
func (c *Client) Execute(ctx context.Context, r engine.Request) (engine.ID, error) {
	m, err := encodeRequest(r)
	if err != nil {
		return engine.ID{}, err
	}
	out, err := again(traced(ctx, &r), c, c.rpc.Execute, m)
	if err != nil {
		return engine.ID{}, err
	}
	return engine.ParseID(out.GetId())
}

// traced has a call carry the trace of its request, as the W3C's Trace Context has it.
func traced(ctx context.Context, r *engine.Request) context.Context {
	if r.Trace.Parent == "" {
		return ctx
	}
	ctx, call := connect.NewClientContext(ctx)
	call.RequestHeader().Set("Traceparent", r.Trace.Parent)
	if r.Trace.State != "" {
		call.RequestHeader().Set("Tracestate", r.Trace.State)
	}
	return ctx
}

// encodeRequest makes the message of a request, which has an id then.
func encodeRequest(r engine.Request) (*pb.ExecuteRequest, error) {
	if p, ok := r.Command.(engine.Plan); ok && r.ID == (engine.ID{}) {
		r.ID = p.ID
	}
	if r.ID == (engine.ID{}) {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("%w: make an id: %w", engine.ErrBusy, err)
		}
		r.ID = id
	}
	return wire.EncodeRequest(r)
}

// batchMost is how many requests one call takes.
const batchMost = 1000

// ExecuteBatch accepts several requests, in their order and each on its own. It returns one
// outcome for each, of which the errors are those of Execute. See engine.Engine.ExecuteBatch.
func (c *Client) ExecuteBatch(ctx context.Context, requests []engine.Request) []engine.Outcome {
	outcomes := make([]engine.Outcome, len(requests))
	m, places := &pb.ExecuteBatchRequest{}, make([]int, 0, len(requests))
	for i, r := range requests {
		message, err := encodeRequest(r)
		if outcomes[i].Err = err; err != nil {
			continue
		}
		m.Requests, places = append(m.Requests, message), append(places, i)
	}
	for _, part := range slices.Collect(slices.Chunk(places, batchMost)) {
		this := &pb.ExecuteBatchRequest{Requests: m.Requests[:len(part)]}
		m.Requests = m.Requests[len(part):]
		out, err := again(ctx, c, c.rpc.ExecuteBatch, this)
		if err == nil && len(out.GetOutcomes()) != len(part) {
			err = fmt.Errorf("%w: it answered %d requests of %d", ErrUnreachable, len(out.GetOutcomes()), len(part))
		}
		for n, i := range part {
			if outcomes[i].Err = err; err == nil {
				outcomes[i] = wire.DecodeOutcome(out.GetOutcomes()[n])
			}
		}
	}
	return outcomes
}

// Get returns what is known of an execution. See [engine.API].
func (c *Client) Get(ctx context.Context, id engine.ID) (engine.Execution, error) {
	out, err := again(ctx, c, c.rpc.Get, &pb.GetRequest{Id: id.String()})
	if err != nil {
		return engine.Execution{}, err
	}
	return wire.DecodeExecution(out.GetExecution())
}

// Status returns where in its life an execution is. See [engine.API].
func (c *Client) Status(ctx context.Context, id engine.ID) (engine.Status, error) {
	x, err := c.Get(ctx, id)
	return x.Status, err
}

// List returns executions, newest first. See [engine.API].
func (c *Client) List(ctx context.Context, f engine.Filter) (engine.Page, error) {
	out, err := again(ctx, c, c.rpc.List, &pb.ListRequest{Filter: wire.EncodeFilter(&f)})
	if err != nil {
		return engine.Page{}, err
	}
	return wire.DecodePage(out)
}

// Result returns how an execution ended. See [engine.API].
func (c *Client) Result(ctx context.Context, id engine.ID) (engine.Result, error) {
	r, err := c.ending(ctx, id, 0)
	if err == nil && r == nil {
		return engine.Result{}, fmt.Errorf("%w: %s", engine.ErrNotFinished, id)
	}
	if err != nil {
		return engine.Result{}, err
	}
	return *r, nil
}

// Wait waits until an execution ended. See [engine.API].
func (c *Client) Wait(ctx context.Context, id engine.ID) (engine.Result, error) {
	for {
		r, err := c.ending(ctx, id, waitFor)
		switch {
		case err != nil:
			return engine.Result{}, err
		case r != nil:
			return *r, nil
		}
	}
}

// waitFor is how long one call waits for an ending.
const waitFor = 30 * time.Second

// ending is how an execution ended, nil where it does not within a time.
func (c *Client) ending(ctx context.Context, id engine.ID, within time.Duration) (*engine.Result, error) {
	out, err := again(ctx, c, c.rpc.Wait, &pb.WaitRequest{Id: id.String(), WaitMs: new(int32(within.Milliseconds()))})
	if err != nil || out.GetResult() == nil {
		return nil, err
	}
	r, err := wire.DecodeResult(out.GetResult())
	return &r, err
}

// Cancel asks an execution to end. See [engine.API].
func (c *Client) Cancel(ctx context.Context, id engine.ID, how engine.Cancellation) error {
	_, err := again(ctx, c, c.rpc.Cancel, &pb.CancelRequest{Id: id.String(), Force: how.Force, Actor: wire.EncodeActor(how.Actor)})
	return err
}

// Resize changes the size of the terminal of an execution. See [engine.API].
func (c *Client) Resize(ctx context.Context, id engine.ID, size engine.TerminalSize) error {
	_, err := again(ctx, c, c.rpc.Resize, &pb.ResizeRequest{Id: id.String(), Rows: uint32(size.Rows), Cols: uint32(size.Cols)})
	return err
}

// Extend gives an execution more time. See [engine.API].
func (c *Client) Extend(ctx context.Context, id engine.ID, by time.Duration) (time.Time, error) {
	if by > 0 {
		by = max(by, time.Millisecond)
	}
	out, err := call(ctx, c, c.rpc.ExtendDeadline, &pb.ExtendDeadlineRequest{Id: id.String(), ByMs: by.Milliseconds()})
	if err != nil || out.GetDeadline() == nil {
		return time.Time{}, err
	}
	return out.GetDeadline().AsTime(), nil
}

// AddSecrets has values masked in an execution from now on. See [engine.API].
func (c *Client) AddSecrets(ctx context.Context, id engine.ID, values ...string) error {
	_, err := again(ctx, c, c.rpc.AddSecrets, &pb.AddSecretsRequest{Id: id.String(), Secrets: values})
	return err
}

// Stats returns counts of the engine. See [engine.API].
func (c *Client) Stats(ctx context.Context) (engine.Stats, error) {
	out, err := again(ctx, c, c.rpc.Stats, &pb.StatsRequest{})
	if err != nil {
		return engine.Stats{}, err
	}
	return wire.DecodeStats(out.GetStats())
}

// RunningCount returns how many executions run. See [engine.API].
func (c *Client) RunningCount(ctx context.Context) (int, error) {
	s, err := c.Stats(ctx)
	return s.Running, err
}

// Cleanup forgets what is too old or too many. See [engine.API].
func (c *Client) Cleanup(ctx context.Context) (int, error) {
	out, err := call(ctx, c, c.rpc.Delete, &pb.DeleteRequest{Overdue: true})
	return int(out.GetDeleted()), err
}

// Delete forgets executions that have ended, and returns how many. Errors:
// engine.ErrUnsupported where the engine keeps nothing but its memory, engine.ErrInvalid,
// and for each of Deletion.IDs engine.ErrNotFound, engine.ErrExpired,
// engine.ErrNotFinished.
func (c *Client) Delete(ctx context.Context, d engine.Deletion) (int, error) {
	out, err := call(ctx, c, c.rpc.Delete, wire.EncodeDeletion(&d))
	return int(out.GetDeleted()), err
}

// Record returns what the engine keeps of an execution: its request too, without its secrets;
// while it waits for its start without the request, which is whole then. Errors:
// engine.ErrUnsupported where the engine keeps nothing but its memory, engine.ErrNotFound,
// engine.ErrExpired.
func (c *Client) Record(ctx context.Context, id engine.ID) (engine.Record, error) {
	out, err := again(ctx, c, c.rpc.Record, &pb.RecordRequest{Id: id.String()})
	if err != nil {
		return engine.Record{}, err
	}
	return wire.DecodeRecord(out)
}

// Daemon is who answers.
type Daemon struct {
	Version      string
	Platform     string // such as linux/amd64
	Capabilities engine.Capabilities
}

// Daemon says who answers, and what its machine can do.
func (c *Client) Daemon(ctx context.Context) (Daemon, error) {
	out, err := again(ctx, c, c.rpc.Info, &pb.InfoRequest{})
	if err != nil {
		return Daemon{}, err
	}
	able, err := wire.DecodeCapabilities(out.GetCapabilities())
	return Daemon{Version: out.GetVersion(), Platform: out.GetPlatform(), Capabilities: able}, err
}
