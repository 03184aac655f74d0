package events_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/events"
)

// day is what a meter sees: two executions that ended, one that runs, one that never did.
func day() []engine.Event {
	failed := ended(2, 9)
	failed.Kind = engine.ExecutionFailed
	failed.Result.Status, failed.Result.Cause, failed.Result.Duration = engine.Failed, engine.CauseSignal, 2*time.Hour
	failed.Result.Output = engine.Counts{StderrBytes: 10, StderrLines: 2, StderrOmittedBytes: 3, Truncated: true, Masks: 1}
	never := ended(3, 2)
	never.Kind = engine.ExecutionCancelled
	never.Result = &engine.Result{Status: engine.Cancelled, Cause: engine.CauseCancel}
	started := func(n byte) engine.Event { return engine.Event{Kind: engine.ExecutionStarted, ExecutionID: id(n)} }
	return []engine.Event{
		started(1), line(1, 1), started(2), ended(1, 2), failed, never, started(4),
		{Kind: engine.EventsMissed, Missed: engine.Missed{Executions: 1, Events: 4}},
	}
}

func TestMetrics_Snapshot(t *testing.T) {
	t.Parallel()
	m := events.Metrics()
	m.HandleEvents(day())
	got := m.Snapshot()
	histogram := func(sum time.Duration, at ...int) events.Histogram {
		h := events.Histogram{Counts: make([]int64, len(events.Buckets())+1), Sum: sum}
		for _, i := range at {
			h.Counts[i]++
		}
		return h
	}
	want := events.Snapshot{
		Events: map[engine.EventKind]int64{
			engine.ExecutionStarted: 3, engine.StdoutWritten: 1, engine.ExecutionCompleted: 1, engine.ExecutionFailed: 1,
			engine.ExecutionCancelled: 1, engine.EventsMissed: 1,
		},
		Ended: map[events.Outcome]int64{
			{Status: engine.Completed, Cause: engine.CauseExit}:   1,
			{Status: engine.Failed, Cause: engine.CauseSignal}:    1,
			{Status: engine.Cancelled, Cause: engine.CauseCancel}: 1,
		},
		Running:  1,
		Duration: histogram(2*time.Hour+time.Second, 4, 13),
		Queued:   histogram(40*time.Millisecond, 1, 1),
		Output: engine.Counts{
			StdoutBytes: 4, StdoutLines: 1, StderrBytes: 14, StderrLines: 3, StderrOmittedBytes: 3, Truncated: true, Masks: 1,
		},
		Missed: engine.Missed{Executions: 1, Events: 4},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}
	got.Events[engine.StdoutWritten], got.Duration.Counts[0] = 99, 99
	if diff := cmp.Diff(want, m.Snapshot()); diff != "" {
		t.Errorf("a snapshot is not a copy (-want +got):\n%s", diff)
	}
}

func TestMetrics_PrometheusText(t *testing.T) {
	t.Parallel()
	m := events.Metrics()
	m.HandleEvents(day())
	var out, again bytes.Buffer
	n, err := m.WriteTo(&out)
	if err != nil || n != int64(out.Len()) {
		t.Errorf("WriteTo: %d, %v; wrote %d bytes", n, err, out.Len())
	}
	for _, want := range []string{
		"# TYPE cloudops_executions_ended_total counter\n",
		`cloudops_executions_ended_total{status="failed",cause="signal"} 1` + "\n",
		`cloudops_events_total{kind="stdout"} 1` + "\n",
		"cloudops_executions_running 1\n",
		`cloudops_execution_duration_seconds_bucket{le="0.5"} 0` + "\n",
		`cloudops_execution_duration_seconds_bucket{le="1"} 1` + "\n",
		`cloudops_execution_duration_seconds_bucket{le="3600"} 1` + "\n",
		`cloudops_execution_duration_seconds_bucket{le="+Inf"} 2` + "\n",
		"cloudops_execution_duration_seconds_sum 7201\n",
		"cloudops_execution_duration_seconds_count 2\n",
		`cloudops_output_bytes_total{stream="stderr"} 14` + "\n",
		"cloudops_executions_missed_total 1\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, out.String())
		}
	}
	if _, err := m.WriteTo(&again); err != nil || again.String() != out.String() {
		t.Errorf("a second text differs: %v\n%s", err, again.String())
	}
}
