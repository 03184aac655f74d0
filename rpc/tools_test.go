package rpc_test

import (
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"

	"github.com/escher-dbai/cloudops-engine/gen/cloudops/v1/cloudopsv1connect"
	"github.com/escher-dbai/cloudops-engine/rpc"
)

// Health is told in all protocols, and to who watches it until the handler closes.
func TestHandler_TellsItsHealth(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	d.http = httpClient(t, true)
	c := grpchealth.NewClient(d.http, d.url, connect.WithGRPC())
	for service, known := range map[string]bool{"": true, cloudopsv1connect.ExecutionServiceName: true, "another": false} {
		out, err := c.Check(t.Context(), &grpchealth.CheckRequest{Service: service})
		if known != (err == nil) || known && out.Status != grpchealth.StatusServing {
			t.Errorf("%q: %v, %v", service, out, err)
		}
	}
	if a := d.ask("POST", "/grpc.health.v1.Health/Check", "{}", "Content-Type", "application/json"); !strings.Contains(a.body, "SERVING") {
		t.Errorf("in JSON: %d %s", a.status, a.body)
	}
	seen := []grpchealth.Status{}
	for ev := range c.Watch(t.Context(), &grpchealth.CheckRequest{}) {
		if ev.Err != nil {
			break // the handler closed
		}
		if seen = append(seen, ev.Response.Status); len(seen) == 1 {
			d.handler.Close()
		}
	}
	if len(seen) == 0 || seen[0] != grpchealth.StatusServing {
		t.Errorf("seen were %v", seen)
	}
	out, err := c.Check(t.Context(), &grpchealth.CheckRequest{})
	if err != nil || out.Status != grpchealth.StatusNotServing {
		t.Errorf("after Close: %v, %v", out, err)
	}
}

// Who has nothing but an address learns what is served there.
func TestHandler_TellsWhatItServes(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	d.http = httpClient(t, true)
	stream := grpcreflect.NewClient(d.http, d.url, connect.WithGRPC()).NewStream(t.Context())
	services, err := stream.ListServices()
	if err != nil || !slices.Contains(services, cloudopsv1connect.ExecutionServiceName) {
		t.Errorf("%v, %v", services, err)
	}
	files, err := stream.FileContainingSymbol("cloudops.v1.ExecutionService.Watch")
	if err != nil || len(files) == 0 {
		t.Errorf("%d files, %v", len(files), err)
	}
	if _, err := stream.Close(); err != nil {
		t.Error(err)
	}
}
