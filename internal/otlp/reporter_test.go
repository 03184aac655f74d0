package otlp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/exposition"
	"github.com/escher-dbai/cloudops-engine/internal/otlp"
)

// began is when the counting of these tests began.
var began = time.Unix(1_700_000_000, 5)

// counted are a family of each kind, and one of which there is nothing yet.
func counted(context.Context) (*exposition.Families, error) {
	f := &exposition.Families{}
	f.Add("a_bytes_total", exposition.Counter, "What was written.")
	f.Sample(3, "stream", "stdout")
	f.Sample(4, "stream", "stderr")
	f.Gauge("b", "What is.", -1.5)
	f.Histogram("c_seconds", "How long.", []time.Duration{time.Millisecond, time.Minute}, []int64{5, 0, 2}, 90*time.Second)
	f.Summary("d_seconds", "Pauses.", 7, 3*time.Second)
	f.Add("e_total", exposition.Counter, "Nothing yet.")
	return f, nil
}

func report(t *testing.T, c otlp.Config, read func(context.Context) (*exposition.Families, error)) *otlp.Reporter {
	t.Helper()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	r, err := otlp.OpenReporter(t.Context(), c, otlp.Counted{Read: read, Since: began})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Everything that is counted comes to a collector, under its name, as what it is, with the
// time since when it was counted; at the latest at the end.
func TestReporter_SendsWhatIsCounted(t *testing.T) {
	t.Parallel()
	at := newReceiver(t)
	r := report(t, otlp.Config{Endpoint: at.URL, Headers: []string{"A=b"}, Version: "v9", Lookup: none}, counted)
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(at.reports) != 1 || at.requests[0].URL.Path != "/v1/metrics" || at.requests[0].Header.Get("A") != "b" {
		t.Fatalf("%d reports, %v", len(at.reports), at.requests)
	}
	about := at.reports[0].GetResource().GetAttributes()
	if attribute(about, "service.name") != "cloudops" || attribute(about, "service.version") != "v9" || !strings.HasPrefix(attribute(about, "process.pid"), "int_value:") {
		t.Errorf("the resource is %v", about)
	}
	all := at.reports[0].GetScopeMetrics()[0].GetMetrics()
	if len(all) != 4 {
		t.Fatalf("the metrics are %v", all)
	}
	named := func(i int, name, help, unit string) *metricspb.Metric {
		if m := all[i]; m.GetName() != name || m.GetDescription() != help || m.GetUnit() != unit {
			t.Errorf("want %s in %q, got %v", name, unit, m)
		}
		return all[i]
	}
	since := uint64(began.UnixNano())
	sum := named(0, "a_bytes_total", "What was written.", "By").GetSum()
	if p := sum.GetDataPoints(); !sum.GetIsMonotonic() || sum.GetAggregationTemporality() != metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE ||
		len(p) != 2 || p[1].GetAsDouble() != 4 || attribute(p[1].GetAttributes(), "stream") != "stderr" || p[1].GetStartTimeUnixNano() != since || p[1].GetTimeUnixNano() <= since {
		t.Errorf("the counter is %v", sum)
	}
	if p := named(1, "b", "What is.", "").GetGauge().GetDataPoints(); len(p) != 1 || p[0].GetAsDouble() != -1.5 {
		t.Errorf("the gauge is %v", p)
	}
	p := named(2, "c_seconds", "How long.", "s").GetHistogram().GetDataPoints()[0]
	if p.GetCount() != 7 || p.GetSum() != 90 || len(p.GetBucketCounts()) != 3 || p.GetBucketCounts()[2] != 2 || len(p.GetExplicitBounds()) != 2 || p.GetExplicitBounds()[1] != 60 || p.GetStartTimeUnixNano() != since {
		t.Errorf("the histogram is %v", p)
	}
	if s := named(3, "d_seconds", "Pauses.", "s").GetSummary().GetDataPoints()[0]; s.GetCount() != 7 || s.GetSum() != 3 {
		t.Errorf("the summary is %v", s)
	}
}

// It reports again and again, as often as it is told to.
func TestReporter_ReportsAgain(t *testing.T) {
	t.Parallel()
	at := newReceiver(t)
	third := make(chan struct{})
	reads := 0
	r := report(t, otlp.Config{Lookup: env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", at.URL+"/my/metrics", "OTEL_METRIC_EXPORT_INTERVAL", "1")},
		func(ctx context.Context) (*exposition.Families, error) {
			if reads++; reads == 3 { // one after the other
				close(third)
			}
			return counted(ctx)
		})
	<-third
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(at.reports) < 4 || at.requests[0].URL.Path != "/my/metrics" {
		t.Errorf("%d reports to %s", len(at.reports), at.requests[0].URL)
	}
}

// A collector that hangs, and an engine that does not tell, hold up nobody.
func TestReporter_EndsWithoutItsCollector(t *testing.T) {
	t.Parallel()
	hung := make(chan struct{})
	mute := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		<-hung
	}))
	defer mute.Close()
	defer close(hung)
	asked := make(chan struct{}, 1)
	r := report(t, otlp.Config{Endpoint: mute.URL, Lookup: env("OTEL_METRIC_EXPORT_INTERVAL", "1")}, func(ctx context.Context) (*exposition.Families, error) {
		select {
		case asked <- struct{}{}:
		default:
		}
		return counted(ctx)
	})
	<-asked
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := r.Shutdown(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it waited for who does not answer: %v", err)
	}

	at := newReceiver(t)
	var log bytes.Buffer
	r = report(t, otlp.Config{Endpoint: at.URL, Lookup: none, Logger: slog.New(slog.NewTextHandler(&log, nil))},
		func(context.Context) (*exposition.Families, error) { return nil, engine.ErrClosed })
	if err := r.Shutdown(t.Context()); err != nil || len(at.requests) > 0 || !strings.Contains(log.String(), engine.ErrClosed.Error()) {
		t.Errorf("%v, %d requests, and logged %q", err, len(at.requests), log.String())
	}
}

func TestOpenReporter_ReadsTheVariables(t *testing.T) {
	t.Parallel()
	const at = "http://localhost:1"
	for what, lookup := range map[string]func(string) (string, bool){
		"nothing":     none,
		"disabled":    env("OTEL_SDK_DISABLED", "true", "OTEL_EXPORTER_OTLP_ENDPOINT", at),
		"none":        env("OTEL_METRICS_EXPORTER", "none", "OTEL_EXPORTER_OTLP_ENDPOINT", at),
		"scraped":     env("OTEL_METRICS_EXPORTER", "prometheus", "OTEL_EXPORTER_OTLP_ENDPOINT", at),
		"traces only": env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", at, "OTEL_TRACES_EXPORTER", "otlp"),
	} {
		if r, err := otlp.OpenReporter(t.Context(), otlp.Config{Lookup: lookup}, otlp.Counted{}); r != nil || err != nil {
			t.Errorf("%s: it is on: %v", what, err)
		}
	}
	for want, lookup := range map[string]func(string) (string, bool){
		"OTEL_METRICS_EXPORTER":       env("OTEL_METRICS_EXPORTER", "console"),
		"OTEL_METRIC_EXPORT_INTERVAL": env("OTEL_EXPORTER_OTLP_ENDPOINT", at, "OTEL_METRIC_EXPORT_INTERVAL", "1s"),
		"OTEL_METRIC_EXPORT_TIMEOUT":  env("OTEL_EXPORTER_OTLP_ENDPOINT", at, "OTEL_METRIC_EXPORT_TIMEOUT", "0"),
		"must be cumulative":          env("OTEL_EXPORTER_OTLP_ENDPOINT", at, "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
		"must be http/protobuf":       env("OTEL_EXPORTER_OTLP_ENDPOINT", at, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc"),
	} {
		if _, err := otlp.OpenReporter(t.Context(), otlp.Config{Lookup: lookup}, otlp.Counted{}); !errors.Is(err, engine.ErrInvalidConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("want …%s…, got %v", want, err)
		}
	}
}
