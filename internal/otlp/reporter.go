package otlp

import (
	"context"
	"errors"
	"log/slog"
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/exposition"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// How far apart reports are, and how long one may take with all its tries.
const (
	defaultEvery  = time.Minute
	defaultWithin = 30 * time.Second
)

// Counted says what there is to report: the same that a scrape gets.
type Counted struct {
	// Read is asked at each report, and once more at the end.
	Read func(context.Context) (*exposition.Families, error)
	// Since is when counting began.
	Since time.Time
}

// Reporter sends counts every so often. It is safe for concurrent use; nil is one that is
// off.
type Reporter struct {
	counted       Counted
	to            *collector
	frame         *metricspb.ResourceMetrics // without metrics
	version       string
	every, within time.Duration
	life          *lifecycle.Group
}

// OpenReporter returns a reporter, nil where none is asked for. Errors:
// engine.ErrInvalidConfig.
func OpenReporter(ctx context.Context, c Config, counted Counted) (*Reporter, error) {
	to, err := c.collector(metrics)
	if to == nil || err != nil {
		return nil, err
	}
	v := variables{c.Lookup, metrics}
	const every, within, preference = "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT", "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
	if p := v.get(preference); p != "" && p != "cumulative" {
		return nil, invalid("%s is %.40q: must be cumulative", preference, p)
	}
	r := &Reporter{counted: counted, to: to, version: c.Version, life: lifecycle.New()}
	var faults [2]error
	r.every, faults[0] = milliseconds(every, v.get(every), defaultEvery)
	r.within, faults[1] = milliseconds(within, v.get(within), defaultWithin)
	about, err := c.resource(ctx)
	if err := errors.Join(faults[0], faults[1], err); err != nil {
		return nil, err
	}
	r.frame = frame(about)
	r.life.Go(r.run)
	return r, nil
}

func (r *Reporter) run(ctx context.Context) {
	ticker := time.NewTicker(r.every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			r.report(context.WithoutCancel(ctx)) // what was begun may arrive, until Shutdown is tired of it
		case <-ctx.Done():
			return
		}
	}
}

func (r *Reporter) report(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.within)
	defer cancel()
	told, err := r.counted.Read(ctx)
	if err != nil {
		r.to.log.LogAttrs(ctx, slog.LevelWarn, "metrics were not sent: the engine does not tell", slog.String("error", err.Error()))
		return
	}
	m, n := r.message(told.All(), time.Now())
	r.to.send(ctx, m, n)
}

// Shutdown sends the counts once more, within the context.
func (r *Reporter) Shutdown(ctx context.Context) error {
	if r == nil {
		return nil
	}
	defer context.AfterFunc(ctx, func() { r.to.life.Stop(context.Cause(ctx)) })()
	r.life.Stop(engine.ErrClosed)
	r.life.Wait()
	r.report(ctx)
	r.to.http.CloseIdleConnections()
	return context.Cause(ctx)
}
