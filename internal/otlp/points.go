package otlp

import (
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"

	"github.com/escher-dbai/cloudops-engine/internal/exposition"
)

// frame is what stands around all metrics of a resource.
func frame(about *resource.Resource) *metricspb.ResourceMetrics {
	own := &resourcepb.Resource{}
	for _, a := range about.Attributes() {
		value := text(a.Value.String())
		if a.Value.Type() == attribute.INT64 {
			value = &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: a.Value.AsInt64()}}
		}
		own.Attributes = append(own.Attributes, &commonpb.KeyValue{Key: string(a.Key), Value: value})
	}
	return &metricspb.ResourceMetrics{Resource: own, SchemaUrl: about.SchemaURL()}
}

func text(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}

// message is what a collector is sent, and how many points it has. Its one field has the
// number that it has in the request of the collector's service, whose package links gRPC.
func (r *Reporter) message(told []exposition.Family, now time.Time) (m *metricspb.MetricsData, points int64) {
	s := span{uint64(r.counted.Since.UnixNano()), uint64(now.UnixNano())}
	own := &metricspb.ScopeMetrics{Scope: &commonpb.InstrumentationScope{Name: scope, Version: r.version}}
	for i := range told {
		if n := told[i].Points(); n > 0 {
			own.Metrics = append(own.Metrics, s.metric(&told[i]))
			points += int64(n)
		}
	}
	return &metricspb.MetricsData{ResourceMetrics: []*metricspb.ResourceMetrics{{
		Resource: r.frame.GetResource(), SchemaUrl: r.frame.GetSchemaUrl(), ScopeMetrics: []*metricspb.ScopeMetrics{own},
	}}}, points
}

// span is the time of a report, in nanoseconds: all counts are of all of it.
type span struct{ since, now uint64 }

const cumulative = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE

// metric is a family under the same name; its unit stands at the end of that.
func (s span) metric(f *exposition.Family) *metricspb.Metric {
	m := &metricspb.Metric{Name: f.Name, Description: f.Help, Unit: unit(f.Name)}
	sum := f.Spread.Sum.Seconds()
	count := uint64(f.Spread.Count)
	switch f.Kind {
	case exposition.Counter:
		m.Data = &metricspb.Metric_Sum{Sum: &metricspb.Sum{IsMonotonic: true, AggregationTemporality: cumulative, DataPoints: s.points(f)}}
	case exposition.Gauge:
		m.Data = &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: s.points(f)}}
	case exposition.Histogram:
		p := &metricspb.HistogramDataPoint{StartTimeUnixNano: s.since, TimeUnixNano: s.now, Count: count, Sum: &sum}
		for _, bound := range f.Spread.Bounds {
			p.ExplicitBounds = append(p.ExplicitBounds, bound.Seconds())
		}
		for _, n := range f.Spread.Counts {
			p.BucketCounts = append(p.BucketCounts, uint64(n))
		}
		m.Data = &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{
			AggregationTemporality: cumulative, DataPoints: []*metricspb.HistogramDataPoint{p},
		}}
	case exposition.Summary:
		m.Data = &metricspb.Metric_Summary{Summary: &metricspb.Summary{DataPoints: []*metricspb.SummaryDataPoint{
			{StartTimeUnixNano: s.since, TimeUnixNano: s.now, Count: count, Sum: sum},
		}}}
	}
	return m
}

func (s span) points(f *exposition.Family) (all []*metricspb.NumberDataPoint) {
	for _, sample := range f.Samples {
		p := &metricspb.NumberDataPoint{TimeUnixNano: s.now, Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: sample.Value}}
		if f.Kind == exposition.Counter {
			p.StartTimeUnixNano = s.since
		}
		for i := 0; i+1 < len(sample.Labels); i += 2 {
			p.Attributes = append(p.Attributes, &commonpb.KeyValue{Key: sample.Labels[i], Value: text(sample.Labels[i+1])})
		}
		all = append(all, p)
	}
	return all
}

// unit is that of a metric as UCUM has it. One that is known is not added to the name again
// by what makes metrics of Prometheus of these.
func unit(name string) string {
	name = strings.TrimSuffix(name, "_total")
	switch {
	case strings.HasSuffix(name, "_seconds"):
		return "s"
	case strings.HasSuffix(name, "_bytes"):
		return "By"
	}
	return ""
}
