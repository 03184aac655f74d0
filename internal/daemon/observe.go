package daemon

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/events"
	"github.com/escher-dbai/cloudops-engine/internal/exposition"
	"github.com/escher-dbai/cloudops-engine/internal/otlp"
)

// observer hears of the lives of executions: it counts, traces and logs them.
type observer struct {
	meter  *events.Meter
	tracer *otlp.Tracer
	log    *slog.Logger
	engine served
	opened chan struct{} // closed when engine is there, or will never be
}

func newObserver(log *slog.Logger) *observer {
	return &observer{meter: events.Metrics(), log: log, opened: make(chan struct{})}
}

// HandleEvents hears of events.
func (o *observer) HandleEvents(batch []engine.Event) {
	<-o.opened
	o.meter.HandleEvents(batch)
	for i := range batch {
		switch ev := &batch[i]; {
		case ev.Kind == engine.EventsMissed:
			o.log.LogAttrs(context.Background(), slog.LevelWarn, "executions went by unseen: their spans and log lines are missing",
				slog.Int64("executions", ev.Missed.Executions), slog.Int64("events", ev.Missed.Events))
		case ev.Kind.Terminal() && ev.Result != nil:
			o.ended(ev)
		}
	}
}

// ended tells of an ending. Its command is not logged: it is what may be longest, and what
// says most of those who ran it; the id leads to it.
func (o *observer) ended(ev *engine.Event) {
	ctx := context.Background()
	x := engine.Execution{ID: ev.ExecutionID}
	if o.engine != nil {
		if known, err := o.engine.Get(ctx, ev.ExecutionID); err == nil {
			x = known
		}
	}
	o.tracer.Ended(ev, &x)
	r := ev.Result
	line := []slog.Attr{
		slog.String("execution_id", r.ID.String()), slog.String("status", string(r.Status)), slog.String("cause", string(r.Cause)),
		slog.Int("exit_code", r.ExitCode), slog.Duration("duration", r.Duration), slog.Duration("queued", r.Queued),
	}
	if who := actor(x.Actor); who != "" { // nobody said it: it was run in the directory itself
		line = append(line, slog.String("actor", who))
	}
	if len(ev.Trace.Parent) >= 35 { // the id of the trace, which leads from a line to its spans
		line = append(line, slog.String("trace_id", ev.Trace.Parent[3:35]))
	}
	o.log.LogAttrs(ctx, slog.LevelInfo, "execution ended", line...)
}

// actor is one as logs have it: KIND:NAME.
func actor(a engine.Actor) string {
	if a.Kind == "" || a.Name == "" {
		return string(a.Kind) + a.Name
	}
	return string(a.Kind) + ":" + a.Name
}

// traced is an engine whose executions are in the traces of those who ask for them.
type traced struct {
	*attended

	tracer *otlp.Tracer
	took   *stopwatch
}

// Execute accepts a request.
func (e *traced) Execute(ctx context.Context, r engine.Request) (engine.ID, error) {
	begin := time.Now()
	call := e.tracer.Submit(ctx, r.Trace)
	r.Trace = call.Trace
	id, err := e.attended.Execute(ctx, r)
	call.End(id, err)
	e.took.add(time.Since(begin))
	return id, err
}

// stopwatch counts how long something took. The zero value is ready.
type stopwatch struct {
	mu     sync.Mutex
	counts []int64
	sum    time.Duration
}

// marks are the bounds of a stopwatch.
func marks() []time.Duration {
	const ms = time.Millisecond
	return []time.Duration{ms, 2 * ms, 5 * ms, 10 * ms, 20 * ms, 50 * ms, 100 * ms, 200 * ms, 500 * ms, time.Second, 5 * time.Second}
}

func (s *stopwatch) add(d time.Duration) {
	bounds := marks()
	at, _ := slices.BinarySearch(bounds, d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = make([]int64, len(bounds)+1)
	}
	s.counts[at]++
	s.sum += d
}

// expose writes how long it took to accept.
func (s *stopwatch) expose(out *exposition.Families) {
	s.mu.Lock()
	counts, sum := append(make([]int64, 0, len(marks())+1), s.counts...), s.sum
	s.mu.Unlock()
	out.Histogram("cloudops_accept_duration_seconds", "How long it took to accept or refuse a request, the store included.",
		marks(), counts[:len(marks())+1], sum)
}
