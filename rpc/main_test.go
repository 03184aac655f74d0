package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"connectrpc.com/connect"
	"go.uber.org/goleak"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/gen/cloudops/v1/cloudopsv1connect"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
	"github.com/escher-dbai/cloudops-engine/rpc"
)

func TestMain(m *testing.M) {
	engine.ReaperMain()
	_ = os.Unsetenv("TRACEPARENT") // a pipeline's own is not that of a test
	_ = os.Unsetenv("TRACESTATE")
	goleak.VerifyTestMain(m)
}

// door is an engine behind a server of its own.
type door struct {
	*engine.Engine

	t       *testing.T
	url     string
	handler *rpc.Handler
	http    *http.Client
}

// open serves a new engine, or what is made of it.
func open(t *testing.T, c rpc.Config, made func(*engine.Engine) engine.API) *door {
	t.Helper()
	e, err := engine.New(engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is there at once
	if err != nil {
		t.Fatal(err)
	}
	d := &door{Engine: e, t: t, url: "http://" + listener.Addr().String(), http: httpClient(t, false)}
	d.handler = rpc.New(made(e), c)
	server := rpc.NewServer(d.handler, c.Logger)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		d.handler.Close()
		if err := server.Close(); err != nil { // Shutdown waits for connections that were never used
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		now, cancel := context.WithCancel(context.Background())
		cancel()
		if err := e.Shutdown(now); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return d
}

func itself(e *engine.Engine) engine.API { return e }

// httpClient speaks HTTP/1.1, or HTTP/2 without TLS.
func httpClient(t *testing.T, h2c bool) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: &http.Protocols{}}
	transport.Protocols.SetHTTP1(!h2c)
	transport.Protocols.SetUnencryptedHTTP2(h2c)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// service is a client of the contract.
func (d *door) service(options ...connect.ClientOption) cloudopsv1connect.ExecutionServiceClient {
	return cloudopsv1connect.NewExecutionServiceClient(d.http, d.url, append(options, connect.WithAcceptCompression("gzip", nil, nil))...)
}

// start executes a line of sh.
func (d *door) start(format string, args ...any) engine.ID {
	d.t.Helper()
	id, err := d.Execute(d.t.Context(), engine.Request{Command: engine.Exec("sh", "-c", fmt.Sprintf(format, args...))})
	if err != nil {
		d.t.Fatal(err)
	}
	return id
}

// ended executes a line of sh and waits for its end.
func (d *door) ended(format string, args ...any) engine.Result {
	d.t.Helper()
	r, err := d.Wait(d.t.Context(), d.start(format, args...))
	if err != nil {
		d.t.Fatal(err)
	}
	return r
}

// answerOf is what a request over plain HTTP gets.
type answerOf struct {
	status int
	header http.Header
	body   string
}

// ask makes a request over plain HTTP. Headers come in pairs.
func (d *door) ask(method, path, body string, headers ...string) answerOf {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, bytes.NewBufferString(body))
	if err != nil {
		d.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := d.http.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	data, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatalf("%s %s: %v after %q", method, path, err, data)
	}
	return answerOf{response.StatusCode, response.Header, string(data)}
}

// gate is a file that a command waits for.
func gate(t *testing.T) (wait string, open func()) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate")
	return "until [ -e " + path + " ]; do sleep 0.02; done", func() {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// said is the condition of an error from a call.
func said(err error) error {
	decoded, _ := wire.DecodeConnect(err)
	return decoded
}

// request is the message of a line of sh.
func request(line string) *pb.ExecuteRequest {
	return &pb.ExecuteRequest{Command: &pb.Command{Type: new("shell"), Command: new(line), Shell: new("sh")}}
}
