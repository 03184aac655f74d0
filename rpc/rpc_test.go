package rpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"connectrpc.com/connect"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
	"github.com/escher-dbai/cloudops-engine/internal/wire"
	"github.com/escher-dbai/cloudops-engine/rpc"
)

const service = "/cloudops.v1.ExecutionService/"

// One handler speaks them all: a unary call, and a stream to its end.
func TestHandler_SpeaksEveryProtocol(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		h2c     bool
		options []connect.ClientOption
	}{
		"Connect":                     {false, nil},
		"Connect, JSON":               {false, []connect.ClientOption{wire.JSON()}},
		"Connect, camelCase JSON":     {false, []connect.ClientOption{connect.WithProtoJSON()}},
		"Connect over HTTP/2":         {true, nil},
		"gRPC":                        {true, []connect.ClientOption{connect.WithGRPC()}},
		"gRPC-Web":                    {false, []connect.ClientOption{connect.WithGRPCWeb()}},
		"gRPC-Web, JSON, over HTTP/2": {true, []connect.ClientOption{connect.WithGRPCWeb(), connect.WithProtoJSON()}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			d := open(t, rpc.Config{}, itself)
			d.http = httpClient(t, c.h2c)
			s := d.service(c.options...)
			out, err := s.Execute(t.Context(), request("echo hi"))
			if err != nil {
				t.Fatal(err)
			}
			stream, err := s.Watch(t.Context(), &pb.WatchRequest{Executions: []*pb.Position{{Id: out.GetId()}}})
			if err != nil {
				t.Fatal(err)
			}
			var kinds, lines []string
			for stream.Receive() {
				for _, ev := range stream.Msg().GetEvents() {
					kinds = append(kinds, ev.GetEventType())
					if ev.GetEventType() == "stdout" {
						lines = append(lines, ev.GetLine())
					}
				}
			}
			if err := errors.Join(stream.Err(), stream.Close()); err != nil {
				t.Fatal(err)
			}
			if want := "accepted status_changed started stdout status_changed completed"; strings.Join(kinds, " ") != want || strings.Join(lines, " ") != "hi" {
				t.Errorf("got %v with %q", kinds, lines)
			}
			_, err = s.Get(t.Context(), &pb.GetRequest{Id: engine.ID{1}.String()})
			if !errors.Is(said(err), engine.ErrNotFound) || connect.CodeOf(err) != connect.CodeNotFound {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A request in the JSON of docs/types.md is the body of Execute, and what is answered has
// the original's names and kinds.
func TestHandler_SpeaksTheEnginesJSON(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{Version: "1.2.3"}, itself)
	body := `{"command":{"type":"exec","program":"sh","args":["-c","echo hi"]},"timeout_ms":60000,"limits":{"output_bytes":1000},"metadata":{"source":"curl"}}`
	a := d.ask("POST", service+"Execute", body, "Content-Type", "application/json")
	var out struct{ ID string }
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %s, %v", a.status, a.body, err)
	}
	a = d.ask("POST", service+"Wait", `{"id":"`+out.ID+`"}`, "Content-Type", "application/json")
	var ended struct{ Result map[string]any }
	if err := json.Unmarshal([]byte(a.body), &ended); err != nil {
		t.Fatalf("%d %s, %v", a.status, a.body, err)
	}
	for name, want := range map[string]any{
		"id": out.ID, "status": "completed", "success": true, "exit_code": 0.0, "stdout": "hi\n", "stderr": "", "cause": "exit",
	} {
		if got := ended.Result[name]; got != want {
			t.Errorf("%s: want %v, got %v", name, want, got)
		}
	}
	a = d.ask("GET", service+`List?connect=v1&encoding=json&message={"filter":{"source":"curl","total":true}}`, "")
	if a.status != http.StatusOK || !strings.Contains(a.body, `"command_type":"exec"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a = d.ask("POST", service+"Info", "{}", "Content-Type", "application/json"); !strings.Contains(a.body, `"1.2.3"`) || !strings.Contains(a.body, "containment") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// RPC-08, RPC-11: what is no proper call has a code, and no effect.
func TestHandler_RefusesWhatIsNoCall(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{MaxRequestBytes: 1000}, itself)
	const good = `{"command":{"type":"shell","command":"echo hi"}}`
	for what, c := range map[string]struct {
		method, path, body, mime string
		want                     int
	}{
		"a form's text":        {"POST", service + "Execute", good, "text/plain", http.StatusUnsupportedMediaType},
		"a form":               {"POST", service + "Execute", "command=x", "application/x-www-form-urlencoded", http.StatusUnsupportedMediaType},
		"no type at all":       {"POST", service + "Execute", good, "", http.StatusUnsupportedMediaType},
		"an effect by GET":     {"GET", service + "Execute?connect=v1&encoding=json&message=" + url.QueryEscape(good), "", "", http.StatusMethodNotAllowed},
		"a cancel by GET":      {"GET", service + `Cancel?connect=v1&encoding=json&message={}`, "", "", http.StatusMethodNotAllowed},
		"an unknown verb":      {"POST", service + "Reboot", "{}", "application/json", http.StatusNotFound},
		"an unknown path":      {"GET", "/", "", "", http.StatusNotFound},
		"no JSON":              {"POST", service + "Execute", "{", "application/json", http.StatusBadRequest},
		"nothing":              {"POST", service + "Stats", "", "application/json", http.StatusBadRequest},
		"an unknown field":     {"POST", service + "Execute", `{"comand":{}}`, "application/json", http.StatusBadRequest},
		"a field of no kind":   {"POST", service + "Execute", `{"command":{"type":"shell","command":"a","program":"b"}}`, "application/json", http.StatusBadRequest},
		"a duration of 0":      {"POST", service + "Execute", `{"timeout_ms":0,` + good[1:], "application/json", http.StatusBadRequest},
		"bytes":                {"POST", service + "Execute", "\xff\xff\xff\xff", "application/proto", http.StatusBadRequest},
		"too much":             {"POST", service + "Execute", `{"working_dir":"` + strings.Repeat("a", 1000) + `"}`, "application/json", http.StatusTooManyRequests},
		"an id with a path":    {"POST", service + "Get", `{"id":"../../etc/passwd"}`, "application/json", http.StatusBadRequest},
		"a stream's bad start": {"POST", service + "Watch", "\x00\xff\xff\xff\xff", "application/connect+proto", http.StatusOK},
	} {
		a := d.ask(c.method, c.path, c.body, "Content-Type", c.mime)
		if a.status != c.want {
			t.Errorf("%s: want %d, got %d %s", what, c.want, a.status, a.body)
		}
		if what == "a stream's bad start" && !strings.Contains(a.body, `"code"`) {
			t.Errorf("%s: the end of the stream says nothing: %q", what, a.body)
		}
	}
	if s, err := d.Stats(t.Context()); s.Accepted != 0 || err != nil {
		t.Errorf("something ran: %+v, %v", s, err)
	}
}

// Each request of a batch is on its own, and they are queued in their order.
func TestExecuteBatch_TakesEachOnItsOwn(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	out, err := d.service().ExecuteBatch(t.Context(), &pb.ExecuteBatchRequest{Requests: []*pb.ExecuteRequest{
		request("echo 1"), {Command: &pb.Command{Type: new("exec"), Program: new("no-such-program-here")}}, request("echo 3"),
	}})
	if err != nil || len(out.GetOutcomes()) != 3 {
		t.Fatalf("%v, %v", out, err)
	}
	for i, o := range out.GetOutcomes() {
		if err := wire.DecodeError(o.GetError()); i == 1 != errors.Is(err, engine.ErrProgramNotFound) || i == 1 != (o.GetId() == "") {
			t.Errorf("outcome %d: %v", i, o)
		}
	}
	many := make([]*pb.ExecuteRequest, 1001)
	if _, err := d.service().ExecuteBatch(t.Context(), &pb.ExecuteBatchRequest{Requests: many}); !errors.Is(said(err), engine.ErrInvalid) {
		t.Errorf("1,001 requests: %v", err)
	}
}

// No call waits for ever.
func TestWait_IsBounded(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	wait, open := gate(t)
	id := d.start("%s", wait).String()
	s := d.service()
	for _, ms := range []int32{-1, 0, 1, 30} {
		if out, err := s.Wait(t.Context(), &pb.WaitRequest{Id: id, WaitMs: new(ms)}); err != nil || out.GetResult() != nil {
			t.Errorf("within %d ms: %v, %v", ms, out, err)
		}
	}
	open()
	out, err := s.Wait(t.Context(), &pb.WaitRequest{Id: id})
	if err != nil || out.GetResult().GetStatus() != "completed" {
		t.Errorf("%v, %v", out, err)
	}
	big := d.ended("echo hi").ID.String()
	out, err = s.Wait(t.Context(), &pb.WaitRequest{Id: big, WithoutOutput: true})
	if err != nil || out.GetResult().Stdout != nil || out.GetResult().GetOutput().GetStdoutBytes() != 3 {
		t.Errorf("without its output: %v, %v", out, err)
	}
}

// An engine that keeps nothing but its memory cleans up, and deletes nothing.
func TestDelete_SaysWhatItCannot(t *testing.T) {
	t.Parallel()
	d := open(t, rpc.Config{}, itself)
	s := d.service()
	if _, err := s.Delete(t.Context(), &pb.DeleteRequest{Overdue: true}); err != nil {
		t.Error(err)
	}
	if _, err := s.Delete(t.Context(), &pb.DeleteRequest{Keep: 3}); !errors.Is(said(err), engine.ErrUnsupported) {
		t.Errorf("want ErrUnsupported, got %v", err)
	}
	if _, err := s.Delete(t.Context(), &pb.DeleteRequest{Keep: 3, Overdue: true}); !errors.Is(said(err), engine.ErrInvalid) || errors.Is(said(err), engine.ErrUnsupported) {
		t.Errorf("want ErrInvalid, got %v", err)
	}
}

// panicky is an engine with a fault.
type panicky struct{ engine.API }

// Get has it.
func (panicky) Get(context.Context, engine.ID) (engine.Execution, error) {
	http.Header(nil).Set("a", "b")
	return engine.Execution{}, nil
}

// A fault in one call is an error of that call, and told to the operator.
func TestHandler_OutlivesAPanic(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	d := open(t, rpc.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(e *engine.Engine) engine.API { return panicky{e} })
	_, err := d.service().Get(t.Context(), &pb.GetRequest{Id: engine.ID{1}.String()})
	if connect.CodeOf(err) != connect.CodeInternal || !strings.Contains(log.String(), "panicked") {
		t.Errorf("got %v, and the log has %q", err, log.String())
	}
	if _, err := d.service().Stats(t.Context(), &pb.StatsRequest{}); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// Who serves puts its locks in front of a call, before it is read.
func TestHandler_TakesAGate(t *testing.T) {
	t.Parallel()
	var seen []string
	gate := connect.WithRequestGate(func(_ context.Context, spec connect.Spec, _ connect.Peer, _ http.Header) (context.Context, error) {
		seen = append(seen, spec.Procedure)
		return nil, wire.EncodeConnect(engine.ErrDenied)
	})
	d := open(t, rpc.Config{Options: []connect.HandlerOption{gate}}, itself)
	if _, err := d.service().Execute(t.Context(), request("echo hi")); !errors.Is(said(err), engine.ErrDenied) {
		t.Errorf("got %v", err)
	}
	if len(seen) != 1 || seen[0] != service+"Execute" {
		t.Errorf("the gate saw %v", seen)
	}
}
