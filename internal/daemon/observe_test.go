package daemon_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// spans are those that came to a collector, which is beside it; metrics the last of each.
type spans struct {
	mu      sync.Mutex
	all     map[string]*tracepb.Span
	metrics map[string]*metricspb.Metric
}

func collector(t *testing.T) (*spans, string) {
	t.Helper()
	s := &spans{all: make(map[string]*tracepb.Span), metrics: make(map[string]*metricspb.Metric)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, counts := &tracepb.TracesData{}, &metricspb.MetricsData{}
		body, err := io.ReadAll(r.Body)
		if err != nil || proto.Unmarshal(body, map[string]proto.Message{"/v1/traces": m, "/v1/metrics": counts}[r.URL.Path]) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, of := range counts.GetResourceMetrics() {
			for _, metric := range of.GetScopeMetrics()[0].GetMetrics() {
				s.metrics[metric.GetName()] = metric
			}
		}
		for _, of := range m.GetResourceSpans() {
			for _, scope := range of.GetScopeSpans() {
				for _, span := range scope.GetSpans() {
					s.all[span.GetName()] = span
				}
			}
		}
	}))
	t.Cleanup(server.Close)
	return s, server.URL
}

// A daemon that is replaced while something runs loses none of its spans: the next one makes
// them, below the span of whoever asked, with the id that the command was told.
func TestDaemon_TracesAcrossItsSuccessor(t *testing.T) {
	t.Parallel()
	const caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	got, at := collector(t)
	dir := shortDir(t)
	gate := filepath.Join(dir, "gate")
	config := daemon.Config{StateDir: filepath.Join(dir, "state"), Settings: daemon.Settings{Socket: filepath.Join(dir, "s"), OTLPEndpoint: at}}
	first, err := daemon.Open(t.Context(), config, opening())
	must(t, err)
	c, err := client.New(first.Addresses()[0], client.Config{})
	must(t, err)
	defer c.Shutdown(t.Context()) //nolint:errcheck // it returns nil
	id, err := c.Execute(t.Context(), engine.Request{
		Command: engine.Shell(`echo "$TRACEPARENT"; until [ -e ` + gate + ` ]; do sleep 0.02; done`), Trace: engine.Trace{Parent: caller},
	})
	must(t, err)
	for ev, err := range c.Watch(t.Context(), id, 0) {
		must(t, err)
		if ev.Kind == engine.StdoutWritten {
			break
		}
	}
	must(t, first.Shutdown(t.Context()))
	second, err := daemon.Open(t.Context(), config, opening())
	must(t, err)
	must(t, os.WriteFile(gate, nil, 0o600))
	result, err := c.Wait(t.Context(), id)
	must(t, err)
	must(t, second.Shutdown(t.Context()))
	got.mu.Lock()
	defer got.mu.Unlock()
	for _, name := range []string{"submit", "execution", "queue", "run", "ending"} {
		if got.all[name] == nil || hex.EncodeToString(got.all[name].GetTraceId()) != caller[3:35] {
			t.Fatalf("%s is not in the trace: %v", name, got.all[name])
		}
	}
	if want := "00-" + caller[3:35] + "-" + hex.EncodeToString(got.all["run"].GetSpanId()) + "-01\n"; result.Stdout != want {
		t.Errorf("the command was told %q, want %q", result.Stdout, want)
	}
	if !bytes.Equal(got.all["execution"].GetParentSpanId(), got.all["submit"].GetSpanId()) || !bytes.Equal(got.all["run"].GetParentSpanId(), got.all["execution"].GetSpanId()) {
		t.Errorf("they do not hang together: %v", got.all)
	}
}

// A daemon that ends sends a collector the counts that a scrape got, and those of what ended
// last.
func TestDaemon_SendsACollectorWhatAScrapeGets(t *testing.T) {
	t.Parallel()
	got, collector := collector(t)
	dir := shortDir(t)
	d, err := daemon.Open(t.Context(), daemon.Config{Ephemeral: true, StateDir: dir, Settings: daemon.Settings{
		Socket: filepath.Join(dir, "s"), OTLPEndpoint: collector,
	}}, opening())
	must(t, err)
	at := d.Addresses()[0]
	c, err := client.New(at, client.Config{})
	must(t, err)
	defer c.Shutdown(t.Context()) //nolint:errcheck // it returns nil
	ran(t, c, engine.Request{Command: engine.Shell("echo two; echo lines")})
	families := until(t, at, 1, "cloudops_executions_ended_total", "status=completed", "cause=exit")
	ran(t, c, engine.Request{Command: engine.Shell("exit 3")})
	must(t, d.Shutdown(context.WithoutCancel(t.Context())))
	for name, family := range families {
		if got.metrics[name] == nil || got.metrics[name].GetDescription() != family.GetHelp() {
			t.Errorf("%s came as %v", name, got.metrics[name])
		}
	}
	if n := got.metrics["cloudops_executions_accepted_total"].GetSum().GetDataPoints()[0].GetAsDouble(); n != 2 {
		t.Errorf("%v executions were accepted", n)
	}
	if n := len(got.metrics["cloudops_executions_ended_total"].GetSum().GetDataPoints()); n != 2 {
		t.Errorf("there are %d ways to end", n)
	}
	if n := got.metrics["cloudops_execution_duration_seconds"].GetHistogram().GetDataPoints()[0].GetCount(); n != 2 {
		t.Errorf("%d have run", n)
	}
}

// ledger is a writer that many may use.
type ledger struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *ledger) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// lines are those of a JSON log with a message.
func (l *ledger) lines(t *testing.T, message string) (all []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		var m map[string]any
		must(t, json.Unmarshal([]byte(line), &m))
		if m["msg"] == message {
			all = append(all, m)
		}
	}
	return all
}

// bearer sends a token, by connections of their own.
type bearer string

// RoundTrip makes a request.
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Authorization", "Bearer "+string(b))
	return (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
}

// One line tells of each request, one of each ending, and none has a secret.
func TestDaemon_LogsRequestsAndEndings(t *testing.T) {
	t.Parallel()
	log := &ledger{}
	dir := shortDir(t)
	secret := token(t, dir, daemon.Operator)
	d, err := daemon.Open(t.Context(), daemon.Config{Ephemeral: true, StateDir: dir, Settings: daemon.Settings{Listen: "127.0.0.1:0"}},
		daemon.Opening{Version: "test", Logger: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	must(t, err)
	c, err := client.New(d.Addresses()[0], client.Config{HTTP: &http.Client{Transport: bearer(secret)}})
	must(t, err)
	defer c.Shutdown(t.Context()) //nolint:errcheck // it returns nil
	r := ran(t, c, engine.Request{
		Command: engine.Shell("echo hunter22; exit 4"), Secrets: []string{"hunter22"}, Actor: engine.Actor{Kind: engine.Agent, Name: "hunter22 scan"},
	})
	ask(t, d.Addresses()[0], look("/metrics?token="+secret))
	must(t, d.Shutdown(context.WithoutCancel(t.Context())))
	endings := log.lines(t, "execution ended")
	if len(endings) != 1 {
		t.Fatalf("endings: %v", endings)
	}
	for name, want := range map[string]any{
		"level": "INFO", "execution_id": r.ID.String(), "status": "failed", "cause": "exit", "exit_code": 4.0, "duration": float64(r.Duration),
	} {
		if got := endings[0][name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if who := endings[0]["actor"]; who != "token:test" { // who was let in, whatever they say
		t.Errorf("the actor is %v", who)
	}
	requests := log.lines(t, "request")
	want := map[string]string{"Execute": "test (operator)", "Wait": "test (operator)", "metrics": "nobody"}
	for _, q := range requests {
		verb, ok := q["verb"].(string)
		if who := want[verb]; !ok || q["caller"] != who || q["level"] != "DEBUG" || q["status"] != map[bool]float64{true: 401, false: 200}[who == "nobody"] {
			t.Errorf("request: %v", q)
		}
		delete(want, verb)
	}
	if len(want) > 0 {
		t.Errorf("no line tells of %v in %v", want, requests)
	}
	if text := log.text.String(); strings.Contains(text, "hunter22") || strings.Contains(text, secret) {
		t.Errorf("the log has a secret:\n%s", text)
	}
}
