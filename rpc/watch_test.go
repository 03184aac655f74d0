package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
	"github.com/escher-dbai/cloudops-engine/rpc"
)

// One stream follows a set, each from its place; one that cannot be followed is named, and
// the others go on to their ends.
func TestWatch_FollowsASet(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	wait, release := gate(t)
	unknown := engine.ID{1}
	var ids []engine.ID
	m := &pb.WatchRequest{Executions: []*pb.Position{{Id: unknown.String()}}, WithoutOutput: true}
	for i := range 3 {
		ids = append(ids, d.start("echo first %d; %s; for i in $(seq 1000); do echo $i; done", i, wait))
		m.Executions = append(m.Executions, &pb.Position{Id: ids[i].String(), From: int64(i)})
	}
	stream, err := d.service().Watch(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]string)
	var failures []*pb.Failure
	for stream.Receive() {
		if n := len(stream.Msg().GetEvents()); n > 128 {
			t.Errorf("%d events in one message", n)
		}
		failures = append(failures, stream.Msg().GetFailures()...)
		for _, ev := range stream.Msg().GetEvents() {
			if !ev.GetPartial() {
				got[ev.GetExecutionId()] = append(got[ev.GetExecutionId()], ev.GetEventType()+" "+ev.GetLine())
			}
			if ev.GetLine() == "first 0" {
				release()
			}
			if r := ev.GetResult(); r != nil && r.Stdout != nil {
				t.Error("the result has its output, which was not asked for")
			}
		}
	}
	if err := errors.Join(stream.Err(), stream.Close()); err != nil {
		t.Fatal(err)
	}
	if len(failures) != 1 || failures[0].GetExecutionId() != unknown.String() || !errors.Is(wire.DecodeError(failures[0].GetError()), engine.ErrNotFound) {
		t.Errorf("failures: %v", failures)
	}
	for i, id := range ids {
		var want []string
		for ev, err := range d.Watch(t.Context(), id, engine.Cursor(i)) {
			if err != nil {
				t.Fatal(err)
			}
			if !ev.Partial {
				want = append(want, fmt.Sprintf("%s %s", ev.Kind, ev.Line))
			}
		}
		if !slices.Equal(want, got[id.String()]) {
			t.Errorf("execution %d: want %d events, got %d", i, len(want), len(got[id.String()]))
		}
	}
}

// eventsOf are the events of an execution as a stream tells them, and in how many messages of
// an event each.
func (d *door) eventsOf(m *pb.WatchRequest, options ...connect.ClientOption) (all []engine.Event, messages int) {
	d.t.Helper()
	stream, err := d.service(options...).Watch(d.t.Context(), m)
	if err != nil {
		d.t.Fatal(err)
	}
	for stream.Receive() {
		messages += len(stream.Msg().GetEvents())
		for _, e := range stream.Msg().GetEvents() {
			if err := wire.DecodeEvents(e, func(ev *engine.Event) error {
				all = append(all, *ev)
				return nil
			}); err != nil {
				d.t.Fatal(err)
			}
		}
	}
	if err := errors.Join(stream.Err(), stream.Close()); err != nil {
		d.t.Fatal(err)
	}
	return all, messages
}

// Packed lines are the same events, whatever was written, whichever the protocol, and from
// wherever one goes on.
func TestWatch_PackedTellsTheSame(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	id := d.ended(`seq 3000; echo bad >&2; printf 'a\377\n\n\000\n' ; echo worse >&2; seq 3000; printf end; printf 'of all' >&2`).ID
	m := &pb.WatchRequest{Executions: []*pb.Position{{Id: id.String()}}}
	want, flat := d.eventsOf(m)
	if len(want) < 6000 || len(want) != flat {
		t.Fatalf("%d events in %d messages", len(want), flat)
	}
	m.Packed = true
	for what, options := range map[string][]connect.ClientOption{"proto": nil, "JSON": {wire.JSON()}} {
		got, messages := d.eventsOf(m, options...)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: (-flat +packed):\n%s", what, diff)
		}
		if messages > flat/10 {
			t.Errorf("%s: %d events came as %d messages", what, flat, messages)
		}
	}
	for _, i := range []int{2, 1000, 3010, len(want) - 4} {
		m.Executions[0].From = int64(want[i-1].Cursor)
		got, _ := d.eventsOf(m)
		if diff := cmp.Diff(want[i:], got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("from event %d: (-flat +packed):\n%s", i, diff)
		}
	}
}

func TestWatch_RefusesNoneAndTooMany(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	for what, m := range map[string]*pb.WatchRequest{
		"none":     {},
		"too many": {Executions: slices.Repeat([]*pb.Position{{Id: engine.ID{1}.String()}}, 1001)},
		"no id":    {Executions: []*pb.Position{{Id: "x"}}},
	} {
		stream, err := d.service().Watch(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		for stream.Receive() {
			t.Errorf("%s: got %v", what, stream.Msg())
		}
		if err := stream.Err(); !errors.Is(said(err), engine.ErrInvalid) {
			t.Errorf("%s: got %v", what, err)
		}
		if err := stream.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Who wants no lines gets the steps of the life, and goes on behind any of them.
func TestWatch_WithoutLinesTellsOfTheLifeAlone(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	id := d.ended("seq 3000; echo bad >&2; exit 3").ID
	p := &pb.Position{Id: id.String()}
	m := &pb.WatchRequest{Executions: []*pb.Position{p}, Packed: true}
	all, _ := d.eventsOf(m)
	want := slices.DeleteFunc(all, func(ev engine.Event) bool { return ev.Kind == engine.StdoutWritten || ev.Kind == engine.StderrWritten })
	p.WithoutLines = true
	for from := range want {
		got, _ := d.eventsOf(m)
		if diff := cmp.Diff(want[from:], got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("from event %d: (-want +got):\n%s", from, diff)
		}
		p.From = int64(want[from].Cursor)
	}
}

// SUB-01, SUB-02: who opens streams and never reads holds up neither the command nor the
// others, and Close ends them.
func TestWatch_IsHeldUpByNobody(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	wait, release := gate(t)
	id := d.start("%s; head -c 8000000 /dev/zero | tr '\\0' x | fold -w 10000; echo; echo done", wait)
	m := &pb.WatchRequest{Executions: []*pb.Position{{Id: id.String()}}}
	for range 5 {
		stalled, err := d.service().Watch(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = stalled.Close() }() // it is cut, which is no news
		if !stalled.Receive() {
			t.Fatal(stalled.Err())
		}
	}
	reader, err := d.service().Watch(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if r, err := d.Wait(t.Context(), id); err != nil || r.Status != engine.Completed {
		t.Errorf("%v, %v", r.Status, err)
	}
	bytes := int64(0)
	for reader.Receive() {
		for _, ev := range reader.Msg().GetEvents() {
			bytes += int64(len(ev.GetLine())) + ev.GetBytes()
		}
	}
	if bytes < 8_000_000 || reader.Err() != nil {
		t.Errorf("the one who reads got %d bytes, %v", bytes, reader.Err())
	}
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
	d.handler.Close() // waits for what reads for those who do not
}

// Close ends streams and what waits, and says that it did.
func TestHandler_ClosesStreams(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	wait, release := gate(t)
	defer release()
	id := d.start("%s", wait).String()
	stream, err := d.service().Watch(t.Context(), &pb.WatchRequest{Executions: []*pb.Position{{Id: id}}})
	if err != nil || !stream.Receive() {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() {
		_, err := d.service().Wait(t.Context(), &pb.WaitRequest{Id: id, WaitMs: new(int32(60_000))})
		waited <- err
	}()
	d.handler.Close()
	for stream.Receive() { // what was on its way
	}
	if err := stream.Err(); !errors.Is(said(err), engine.ErrClosed) {
		t.Errorf("the stream: %v", err)
	}
	if err := <-waited; !errors.Is(said(err), engine.ErrClosed) {
		t.Errorf("the waiting: %v", err)
	}
	if err := stream.Close(); err != nil {
		t.Error(err)
	}
	if _, err := d.service().Get(t.Context(), &pb.GetRequest{Id: id}); err != nil {
		t.Errorf("what does not wait: %v", err)
	}
}

// RPC-14, SUB-07: hundreds of streams share a connection, and leave nothing behind when they
// come and go.
func TestWatch_ManyShareAConnection(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	d.http = httpClient(t, true)
	wait, release := gate(t)
	id := d.start("echo one; %s; echo two", wait)
	s, m := d.service(), &pb.WatchRequest{Executions: []*pb.Position{{Id: id.String()}}}
	for range 100 { // who comes and goes
		ctx, leave := context.WithCancel(t.Context())
		stream, err := s.Watch(ctx, m)
		if err != nil || !stream.Receive() {
			t.Fatal(err)
		}
		leave()
		_ = stream.Close() // it was broken off
	}
	var readers sync.WaitGroup
	var there atomic.Int32
	for range 300 {
		readers.Go(func() {
			stream, err := s.Watch(t.Context(), m)
			if err != nil {
				t.Error(err)
				return
			}
			lines := ""
			for stream.Receive() {
				for _, ev := range stream.Msg().GetEvents() {
					if lines += ev.GetLine() + " "; ev.GetLine() == "one" && there.Add(1) == 300 {
						release() // all of them are there at once
					}
				}
			}
			if err := errors.Join(stream.Err(), stream.Close()); err != nil || !strings.HasSuffix(strings.TrimSpace(lines), "two") {
				t.Errorf("got %q, %v", lines, err)
			}
		})
	}
	readers.Wait()
}
