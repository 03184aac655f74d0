package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/gen/cloudops/v1/cloudopsv1connect"
)

// studyWireCall compares the smallest call of ours with that of grpc-go, turn by turn; and
// asks our daemon by the client of grpc-go, which has to be answered, too.
func studyWireCall(int) (map[string][]float64, error) {
	found := make(map[string][]float64)
	_, err := withDaemon(inProcess, func(ctx context.Context, s *served, c *client.Client) error {
		peer, leave, err := dialPeer(filepath.Join(s.dir, "peer"))
		if err != nil {
			return err
		}
		defer leave()
		stock, hangUp, err := dialPeer(filepath.Join(s.dir, "s"))
		if err != nil {
			return err
		}
		defer hangUp()
		answer, err := stock.Check(ctx, &healthpb.HealthCheckRequest{Service: cloudopsv1connect.ExecutionServiceName})
		if err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			return fmt.Errorf("grpc-go asks us for our health: %v, %w", answer, err)
		}
		t := &http.Transport{DialContext: s.connect, DisableCompression: true}
		defer t.CloseIdleConnections()
		same := grpchealth.NewClient(&http.Client{Transport: t}, "http://localhost", connect.WithAcceptCompression("gzip", nil, nil))
		for range wireRounds {
			ours, err := p50(func() error { _, err := same.Check(ctx, &grpchealth.CheckRequest{}); return err })
			if err != nil {
				return err
			}
			stats, err := p50(func() error { _, err := c.Stats(ctx); return err })
			if err != nil {
				return err
			}
			theirs, err := p50(func() error { _, err := peer.Check(ctx, &healthpb.HealthCheckRequest{}); return err })
			if err != nil {
				return err
			}
			found["ours"], found["grpc"], found["stats"] = append(found["ours"], ours), append(found["grpc"], theirs), append(found["stats"], stats)
		}
		found["ratio"] = quotients(found["ours"], found["grpc"])
		return nil
	})
	return found, err
}

// p50 is the median of calls, in microseconds.
func p50(call func() error) (float64, error) {
	took := make([]time.Duration, wireCalls)
	for i := range took {
		began := time.Now()
		if err := call(); err != nil {
			return 0, err
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return float64(took[wireCalls/2].Nanoseconds()) / 1000, nil
}

// servePeer serves the health of grpc-go.
func servePeer(path string) (stop func(), err error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(l) }()
	return server.Stop, nil
}

func dialPeer(path string) (healthpb.HealthClient, func(), error) {
	conn, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("localhost"))
	if err != nil {
		return nil, nil, err
	}
	return healthpb.NewHealthClient(conn), func() { _ = conn.Close() }, nil
}

// countFlat counts the lines of an execution where each is a message.
func countFlat(ctx context.Context, s *served, id engine.ID) (n int, err error) {
	t := &http.Transport{DialContext: s.connect, DisableCompression: true}
	defer t.CloseIdleConnections()
	c := cloudopsv1connect.NewExecutionServiceClient(&http.Client{Transport: t}, "http://localhost", connect.WithAcceptCompression("gzip", nil, nil))
	stream, err := c.Watch(ctx, &pb.WatchRequest{Executions: []*pb.Position{{Id: id.String()}}})
	if err != nil {
		return 0, err
	}
	for stream.Receive() {
		for _, ev := range stream.Msg().GetEvents() {
			if ev.GetEventType() == string(engine.StdoutWritten) {
				n++
			}
		}
	}
	return n, errors.Join(stream.Err(), stream.Close())
}
