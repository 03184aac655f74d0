package otlp

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Ended makes the spans of an execution of the event of its ending, as a handler below
// engine.WithoutOutput hears of it, and of what is known of it besides.
func (t *Tracer) Ended(ev *engine.Event, x *engine.Execution) {
	if t == nil || ev.Result == nil {
		return
	}
	p, ok := placeOf(ev.Trace)
	if !ok || !p.submit.IsSampled() {
		return
	}
	r := ev.Result
	ctx := trace.ContextWithRemoteSpanContext(context.Background(), p.submit)
	ctx, execution := t.begin(ctx, "execution", p.execution, r.AcceptedAt)
	execution.SetAttributes(about(x)...)
	execution.SetAttributes(ending(r)...)
	queued := r.StartedAt
	if queued.IsZero() {
		queued = r.CompletedAt
	}
	_, queue := t.begin(ctx, "queue", trace.SpanID{}, r.AcceptedAt)
	end(queue, queued)
	if !r.StartedAt.IsZero() {
		_, run := t.begin(ctx, "run", p.run, r.StartedAt)
		run.SetAttributes(running(x, r)...)
		failed(run, r)
		end(run, r.CompletedAt)
	}
	_, last := t.begin(ctx, "ending", trace.SpanID{}, r.CompletedAt)
	end(last, ev.Time)
	failed(execution, r)
	end(execution, later(ev.Time, r.CompletedAt))
}

func (t *Tracer) begin(ctx context.Context, name string, id trace.SpanID, at time.Time) (context.Context, trace.Span) {
	return t.spans.Start(context.WithValue(ctx, spanKey{}, id), name, trace.WithTimestamp(at))
}

func end(s trace.Span, at time.Time) { s.End(trace.WithTimestamp(at)) }

// later is the later of two times: those of another program may be of another clock.
func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// failed marks what is no success.
func failed(s trace.Span, r *engine.Result) {
	if !r.Success {
		fail(s, string(r.Cause), r.Error)
	}
}

func fail(s trace.Span, kind, text string) {
	s.SetAttributes(attribute.String("error.type", kind))
	s.SetStatus(codes.Error, text)
}

// about is who asked for what.
func about(x *engine.Execution) []attribute.KeyValue {
	all := []attribute.KeyValue{
		attribute.String("cloudops.execution.id", x.ID.String()),
		attribute.String("cloudops.command.type", x.Type),
		attribute.String("process.command_line", x.Command),
	}
	for name, value := range map[string]string{
		"cloudops.actor.kind": string(x.Actor.Kind), "cloudops.actor.name": x.Actor.Name, "cloudops.source": x.Metadata.Source,
	} {
		if value != "" {
			all = append(all, attribute.String(name, value))
		}
	}
	return all
}

// ending is what became of it.
func ending(r *engine.Result) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("cloudops.status", string(r.Status)),
		attribute.String("cloudops.cause", string(r.Cause)),
		attribute.Int64("cloudops.output.stdout.bytes", r.Output.StdoutBytes),
		attribute.Int64("cloudops.output.stderr.bytes", r.Output.StderrBytes),
		attribute.Bool("cloudops.output.truncated", r.Output.Truncated),
	}
}

// running is what the process was and did, by the semantic conventions of processes.
func running(x *engine.Execution, r *engine.Result) []attribute.KeyValue {
	all := []attribute.KeyValue{
		attribute.String("process.command_line", x.Command),
		attribute.Float64("cloudops.process.cpu.user_seconds", r.Usage.UserTime.Seconds()),
		attribute.Float64("cloudops.process.cpu.system_seconds", r.Usage.SystemTime.Seconds()),
	}
	if r.Usage.PeakBytes > 0 {
		all = append(all, attribute.Int64("cloudops.process.memory.peak_bytes", r.Usage.PeakBytes))
	}
	if r.ExitCode >= 0 {
		all = append(all, attribute.Int("process.exit.code", r.ExitCode))
	}
	if r.Signal != "" {
		all = append(all, attribute.String("cloudops.process.signal", r.Signal))
	}
	return all
}
