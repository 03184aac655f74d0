package otlp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/otlp"
)

const caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// receiver is a collector: it takes what OTLP over HTTP brings.
type receiver struct {
	*httptest.Server

	mu       sync.Mutex
	answers  []int // to the first requests; 200 to the others
	requests []*http.Request
	spans    []*tracepb.Span
	reports  []*metricspb.ResourceMetrics
	resource []*commonpb.KeyValue
}

func newReceiver(t *testing.T, answers ...int) *receiver {
	t.Helper()
	r := &receiver{answers: answers}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// ServeHTTP takes one request.
func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, q)
	if len(r.answers) > 0 {
		status := r.answers[0]
		r.answers = r.answers[1:]
		w.WriteHeader(status)
		return
	}
	body := io.Reader(q.Body)
	if q.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(q.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		body = unpacked
	}
	data, err := io.ReadAll(body)
	m, counts := &tracepb.TracesData{}, &metricspb.MetricsData{}
	var to proto.Message = m
	if strings.HasSuffix(q.URL.Path, "metrics") {
		to = counts
	}
	if err != nil || proto.Unmarshal(data, to) != nil || q.Method != http.MethodPost || q.Header.Get("Content-Type") != "application/x-protobuf" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.reports = append(r.reports, counts.GetResourceMetrics()...)
	for _, of := range m.GetResourceSpans() {
		r.resource = of.GetResource().GetAttributes()
		for _, scope := range of.GetScopeSpans() {
			r.spans = append(r.spans, scope.GetSpans()...)
		}
	}
}

// byName are the spans that came.
func (r *receiver) byName() map[string]*tracepb.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string]*tracepb.Span)
	for _, s := range r.spans {
		all[s.GetName()] = s
	}
	return all
}

func attribute(all []*commonpb.KeyValue, name string) string {
	for _, a := range all {
		if a.GetKey() == name {
			return strings.Trim(strings.TrimPrefix(a.GetValue().String(), "string_value:"), `"`)
		}
	}
	return ""
}

func none(string) (string, bool) { return "", false }

func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func open(t *testing.T, c otlp.Config) *otlp.Tracer {
	t.Helper()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	tracer, err := otlp.OpenTracer(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

// traced runs a command as a daemon does, and returns what it printed.
func traced(t *testing.T, tracer *otlp.Tracer, from engine.Trace, r engine.Request) engine.Result {
	t.Helper()
	var e *engine.Engine
	handler := engine.EventHandlerFunc(func(events []engine.Event) {
		for i := range events {
			if ev := &events[i]; ev.Kind.Terminal() {
				x, err := e.Get(t.Context(), ev.ExecutionID)
				if err != nil {
					t.Error(err)
				}
				tracer.Ended(ev, &x)
			}
		}
	})
	e, err := engine.New(engine.Config{Handler: engine.WithoutOutput(handler)})
	if err != nil {
		t.Fatal(err)
	}
	s := tracer.Submit(t.Context(), from)
	r.Trace = s.Trace
	id, err := e.Execute(t.Context(), r)
	s.End(id, err)
	if err != nil {
		t.Fatal(err)
	}
	result, err := e.Wait(t.Context(), id)
	if err := errors.Join(err, e.Shutdown(t.Context())); err != nil {
		t.Fatal(err)
	}
	return result
}

// One execution is one trace, below the span of whoever asked; the command is told the
// span in which it runs, before that exists.
func TestTracer_MakesOneTraceOfAnExecution(t *testing.T) {
	t.Parallel()
	at := newReceiver(t)
	tracer := open(t, otlp.Config{Endpoint: at.URL, Headers: []string{"Authorization=Bearer x=y"}, Version: "v9", Lookup: none})
	result := traced(t, tracer, engine.Trace{Parent: caller, State: "other=1"}, engine.Request{
		Command: engine.Shell(`echo "$TRACEPARENT $TRACESTATE"; echo hunter22 >&2; exit 3`), Secrets: []string{"hunter22"},
		Actor: engine.Actor{Kind: engine.Human, Name: "bob"},
	})
	if err := tracer.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := at.byName()
	submit, execution, queue, run, ending := spans["submit"], spans["execution"], spans["queue"], spans["run"], spans["ending"]
	if len(at.spans) != 5 || len(spans) != 5 {
		t.Fatalf("there are %d spans: %v", len(at.spans), spans)
	}
	for _, s := range spans {
		if hex.EncodeToString(s.GetTraceId()) != caller[3:35] || s.GetEndTimeUnixNano() < s.GetStartTimeUnixNano() {
			t.Errorf("%s: %v", s.GetName(), s)
		}
		if strings.Contains(s.String(), "hunter22") {
			t.Errorf("%s has a secret: %v", s.GetName(), s)
		}
	}
	for child, parent := range map[*tracepb.Span][]byte{
		execution: submit.GetSpanId(), queue: execution.GetSpanId(), run: execution.GetSpanId(), ending: execution.GetSpanId(),
	} {
		if !bytes.Equal(child.GetParentSpanId(), parent) {
			t.Errorf("%s is below %x, want %x", child.GetName(), child.GetParentSpanId(), parent)
		}
	}
	if hex.EncodeToString(submit.GetParentSpanId()) != caller[36:52] {
		t.Errorf("submit is below %x", submit.GetParentSpanId())
	}
	parent, state, _ := strings.Cut(strings.TrimSpace(result.Stdout), " ")
	if want := "00-" + caller[3:35] + "-" + hex.EncodeToString(run.GetSpanId()) + "-01"; parent != want || !strings.HasSuffix(state, ",other=1") {
		t.Errorf("the command was told %q, %q; want %q", parent, state, want)
	}
	for _, s := range []*tracepb.Span{execution, run} {
		if s.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR || attribute(s.GetAttributes(), "error.type") != "exit" {
			t.Errorf("%s does not tell that it failed: %v", s.GetName(), s)
		}
	}
	if run.GetStartTimeUnixNano() != uint64(result.StartedAt.UnixNano()) || run.GetEndTimeUnixNano() != uint64(result.CompletedAt.UnixNano()) {
		t.Errorf("run is from %d to %d: %+v", run.GetStartTimeUnixNano(), run.GetEndTimeUnixNano(), result)
	}
	for name, want := range map[string]string{"cloudops.execution.id": result.ID.String(), "cloudops.actor.name": "bob", "cloudops.status": "failed"} {
		if got := attribute(execution.GetAttributes(), name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if code := attribute(run.GetAttributes(), "process.exit.code"); code != "int_value:3" {
		t.Errorf("the exit code is %q", code)
	}
	if name, version := attribute(at.resource, "service.name"), attribute(at.resource, "service.version"); name != "cloudops" || version != "v9" {
		t.Errorf("the resource is %v", at.resource)
	}
	if q := at.requests[0]; q.URL.Path != "/v1/traces" || q.Header.Get("Authorization") != "Bearer x=y" {
		t.Errorf("it was sent to %s with %v", q.URL, q.Header)
	}
	if sent, dropped := tracer.Counts(); sent != 5 || dropped != 0 {
		t.Errorf("sent %d, dropped %d", sent, dropped)
	}
}

// Who does not want to be traced is not, and nobody has to say anything.
func TestTracer_KeepsToWhatTheCallerSays(t *testing.T) {
	t.Parallel()
	at := newReceiver(t)
	tracer := open(t, otlp.Config{Endpoint: at.URL, Lookup: none})
	echo := engine.Request{Command: engine.Shell(`echo "$TRACEPARENT"`)}
	if out := traced(t, tracer, engine.Trace{Parent: strings.TrimSuffix(caller, "01") + "00"}, echo).Stdout; !strings.HasPrefix(out, caller[:36]) || !strings.HasSuffix(out, "-00\n") {
		t.Errorf("not sampled: %q", out)
	}
	if out := traced(t, tracer, engine.Trace{Parent: "nonsense", State: "a=b"}, echo).Stdout; len(out) != len(caller)+1 || !strings.HasSuffix(out, "-01\n") {
		t.Errorf("a new trace: %q", out)
	}
	if err := tracer.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(at.spans) != 5 || len(at.byName()["submit"].GetParentSpanId()) != 0 {
		t.Errorf("spans: %v", at.spans)
	}
	var off *otlp.Tracer
	if out := traced(t, off, engine.Trace{Parent: caller, State: strings.Repeat("a", 1000)}, echo).Stdout; out != caller+"\n" {
		t.Errorf("with a state that is too long: %q", out)
	}
	if out := traced(t, off, engine.Trace{Parent: caller}, echo).Stdout; out != caller+"\n" {
		t.Errorf("a tracer that is off hands on %q", out)
	}
}

// A refused call is a span that tells so; spans that came too early are sent again, and
// what is never taken is dropped, counted, and delays nobody.
func TestTracer_GoesOnWithoutItsCollector(t *testing.T) {
	t.Parallel()
	at := newReceiver(t, http.StatusServiceUnavailable)
	tracer := open(t, otlp.Config{Endpoint: at.URL, Lookup: env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")})
	tracer.Submit(t.Context(), engine.Trace{}).End(engine.ID{}, engine.ErrQueueFull)
	if err := tracer.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := at.byName()["submit"]; len(at.requests) != 2 || attribute(s.GetAttributes(), "error.type") != "queue_full" || s.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR {
		t.Errorf("%d requests, %v", len(at.requests), s)
	}

	var log bytes.Buffer
	at = newReceiver(t, http.StatusBadRequest)
	tracer = open(t, otlp.Config{Endpoint: at.URL, Lookup: none, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	tracer.Submit(t.Context(), engine.Trace{}).End(engine.ID{}, nil)
	if err := tracer.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, dropped := tracer.Counts(); dropped != 1 || len(at.requests) != 1 || !strings.Contains(log.String(), "400") {
		t.Errorf("dropped %d after %d requests, and logged %q", dropped, len(at.requests), log.String())
	}

	hung := make(chan struct{})
	mute := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hung }))
	defer mute.Close()
	defer close(hung)
	tracer = open(t, otlp.Config{Endpoint: mute.URL, Lookup: none})
	for range 10_000 { // far more than wait at most
		tracer.Submit(t.Context(), engine.Trace{}).End(engine.ID{}, nil)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := tracer.Shutdown(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it waited for who does not answer: %v", err)
	}
}

func TestOpen_ReadsTheVariables(t *testing.T) {
	t.Parallel()
	for what, lookup := range map[string]func(string) (string, bool){
		"nothing":  none,
		"disabled": env("OTEL_SDK_DISABLED", "true", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:1"),
		"none":     env("OTEL_TRACES_EXPORTER", "none", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:1"),
	} {
		if tracer, err := otlp.OpenTracer(t.Context(), otlp.Config{Lookup: lookup}); tracer != nil || err != nil {
			t.Errorf("%s: it is on: %v", what, err)
		}
	}
	for want, lookup := range map[string]func(string) (string, bool){
		"must be otlp or none":           env("OTEL_TRACES_EXPORTER", "zipkin"),
		"must be http/protobuf":          env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
		"is no URL of a collector":       env("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
		"is not NAME=VALUE":              env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a", "OTEL_EXPORTER_OTLP_HEADERS", "a=b,secret"),
		"must be a number":               env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a", "OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
		"must be gzip":                   env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a", "OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
		"OTEL_EXPORTER_OTLP_CERTIFICATE": env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a", "OTEL_EXPORTER_OTLP_CERTIFICATE", "/none"),
		"CLIENT_CERTIFICATE":             env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a", "OTEL_EXPORTER_OTLP_CLIENT_KEY", "/none"),
	} {
		if _, err := otlp.OpenTracer(t.Context(), otlp.Config{Lookup: lookup}); !errors.Is(err, engine.ErrInvalidConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("want …%s…, got %v", want, err)
		}
	}
	at := newReceiver(t)
	tracer := open(t, otlp.Config{Lookup: env(
		"OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", at.URL+"/spans",
		"OTEL_EXPORTER_OTLP_HEADERS", "a=b%20c, d=e", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "60000")})
	tracer.Submit(t.Context(), engine.Trace{}).End(engine.ID{}, nil)
	if err := tracer.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if q := at.requests[0]; q.URL.Path != "/spans" || q.Header.Get("A") != "b c" || q.Header.Get("D") != "e" {
		t.Errorf("it was sent to %s with %v", q.URL, q.Header)
	}
}
