package otlp

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Tracer makes spans. It is safe for concurrent use; nil is one that is off.
type Tracer struct {
	queue     sdk.SpanProcessor
	spans     trace.Tracer
	collector *collector
}

// OpenTracer returns a tracer, nil where tracing is off. Errors: engine.ErrInvalidConfig.
func OpenTracer(ctx context.Context, c Config) (*Tracer, error) {
	to, err := c.collector(traces)
	if to == nil || err != nil {
		return nil, err
	}
	exporter, err := otlptrace.New(ctx, spanClient{to})
	if err != nil {
		return nil, err
	}
	about, err := c.resource(ctx)
	if err != nil {
		return nil, err
	}
	queue := sdk.NewBatchSpanProcessor(exporter)
	p := sdk.NewTracerProvider(sdk.WithSpanProcessor(queue), sdk.WithResource(about), sdk.WithIDGenerator(ids{}))
	return &Tracer{queue, p.Tracer(scope, trace.WithInstrumentationVersion(c.Version)), to}, nil
}

// Shutdown sends what waits, within the context; what is left then is dropped.
func (t *Tracer) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	// The SDK gives up waiting for a request that hangs, and leaves it to itself.
	defer context.AfterFunc(ctx, func() { t.collector.life.Stop(context.Cause(ctx)) })()
	return errors.Join(t.queue.Shutdown(context.WithoutCancel(ctx)), context.Cause(ctx))
}

// Counts are how many spans a collector has taken, and how many it has not.
func (t *Tracer) Counts() (sent, dropped int64) {
	if t == nil {
		return 0, 0
	}
	return t.collector.sent.Load(), t.collector.dropped.Load()
}

// Submission is a request that is being accepted.
type Submission struct {
	// Trace is what the execution is to have: its parent is the span run.
	Trace engine.Trace
	span  trace.Span
}

// Submit begins a trace, or goes on with that of a caller, where it is one. A tracer that
// is off hands on what the caller said.
func (t *Tracer) Submit(ctx context.Context, from engine.Trace) Submission {
	parent, err := parse(from)
	if t == nil {
		if err != nil {
			return Submission{}
		}
		if from.Validate() != nil { // a state that cannot be read is no reason to refuse
			from.State = ""
		}
		return Submission{Trace: from}
	}
	ctx, span := t.spans.Start(trace.ContextWithRemoteSpanContext(ctx, parent), "submit", trace.WithSpanKind(trace.SpanKindServer))
	_, execution := ids{}.NewIDs(ctx)
	_, run := ids{}.NewIDs(ctx)
	return Submission{span: span, Trace: place{submit: span.SpanContext(), execution: execution, run: run}.trace()}
}

// End ends the call that asked.
func (s Submission) End(id engine.ID, err error) {
	switch {
	case s.span == nil:
		return
	case err != nil:
		fail(s.span, engine.ErrorCode(err), err.Error())
	default:
		s.span.SetAttributes(attribute.String("cloudops.execution.id", id.String()))
	}
	s.span.End()
}

// place is where an execution is in its trace: what is in Request.Trace, so that whoever
// sees its end can make its spans, with the ids that others know already.
type place struct {
	submit         trace.SpanContext
	execution, run trace.SpanID
}

// vendor is our key in a tracestate; its value is the ids of the spans execution and submit.
const vendor = "cloudops"

func (p place) trace() engine.Trace {
	state, err := p.submit.TraceState().Insert(vendor, p.execution.String()+"-"+p.submit.SpanID().String())
	if err != nil {
		return engine.Trace{} // it is hexadecimal: this does not happen
	}
	t := engine.Trace{Parent: fmt.Sprintf("00-%s-%s-%02x", p.submit.TraceID(), p.run, byte(p.submit.TraceFlags())), State: state.String()}
	if t.Validate() != nil { // what other tracers said is too long beside ours
		t.State = vendor + "=" + state.Get(vendor)
	}
	return t
}

// placeOf reads a place; one that we did not make is one where nothing has begun.
func placeOf(t engine.Trace) (place, bool) {
	at, err := parse(t)
	if err != nil {
		return place{}, false
	}
	execution, submit, _ := strings.Cut(at.TraceState().Get(vendor), "-")
	p := place{submit: at}
	if p.execution, err = trace.SpanIDFromHex(execution); err != nil {
		return p, true
	}
	caller, err := trace.SpanIDFromHex(submit)
	if err != nil {
		return place{submit: at}, true
	}
	p.submit, p.run = at.WithSpanID(caller), at.SpanID()
	return p, true
}

// parse reads a trace context. A state that cannot be read is left out, as the W3C has it.
func parse(t engine.Trace) (trace.SpanContext, error) {
	if t.Parent == "" {
		return trace.SpanContext{}, engine.ErrInvalid
	}
	if err := (engine.Trace{Parent: t.Parent}).Validate(); err != nil {
		return trace.SpanContext{}, err
	}
	id, _ := trace.TraceIDFromHex(t.Parent[3:35]) // Validate has seen them
	span, _ := trace.SpanIDFromHex(t.Parent[36:52])
	flags, _ := hex.DecodeString(t.Parent[53:])
	state, err := trace.ParseTraceState(t.State)
	if err != nil {
		state = trace.TraceState{}
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: span, TraceFlags: trace.TraceFlags(flags[0]), TraceState: state, Remote: true,
	}), nil
}

// ids are random, unless the context says which span is to be made.
type ids struct{}

type spanKey struct{}

// NewIDs makes those of a trace and of its first span.
func (ids) NewIDs(ctx context.Context) (id trace.TraceID, span trace.SpanID) {
	binary.NativeEndian.PutUint64(id[:8], rand.Uint64())   //nolint:gosec // chance, and no secret
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64()|1) //nolint:gosec // likewise
	return id, ids{}.NewSpanID(ctx, id)
}

// NewSpanID makes that of a span.
func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) (span trace.SpanID) {
	if known, ok := ctx.Value(spanKey{}).(trace.SpanID); ok && known.IsValid() {
		return known
	}
	binary.NativeEndian.PutUint64(span[:], rand.Uint64()|1) //nolint:gosec // chance, and no secret
	return span
}
