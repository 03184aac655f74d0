package events

import (
	"cmp"
	"io"
	"maps"
	"slices"

	"github.com/escher-dbai/cloudops-engine/internal/exposition"
)

// WriteTo writes the counts in the text format of Prometheus (version 0.0.4), in an
// order that stays the same. It returns the error of w.
//
//	cloudops_events_total{kind}                  counter
//	cloudops_executions_ended_total{status,cause} counter
//	cloudops_executions_running                  gauge
//	cloudops_execution_duration_seconds          histogram
//	cloudops_execution_queued_seconds            histogram
//	cloudops_output_bytes_total{stream}          counter
//	cloudops_output_lines_total{stream}          counter
//	cloudops_output_omitted_bytes_total{stream}  counter
//	cloudops_output_masks_total                  counter
//	cloudops_events_missed_total                 counter
//	cloudops_executions_missed_total             counter
func (m *Meter) WriteTo(w io.Writer) (int64, error) {
	s := m.Snapshot()
	return s.WriteTo(w)
}

// WriteTo writes the counts as [Meter.WriteTo] does.
func (s *Snapshot) WriteTo(w io.Writer) (int64, error) {
	var t exposition.Families
	s.Expose(&t)
	n, err := w.Write(t.Text())
	return int64(n), err
}

// Expose adds the counts to those of a daemon: what WriteTo writes is made of the same.
func (s *Snapshot) Expose(t *exposition.Families) {
	t.Add("cloudops_events_total", exposition.Counter, "Events, by kind.")
	for _, kind := range slices.Sorted(maps.Keys(s.Events)) {
		t.Sample(float64(s.Events[kind]), "kind", string(kind))
	}
	t.Add("cloudops_executions_ended_total", exposition.Counter, "Executions that ended, by status and cause.")
	for _, o := range slices.SortedFunc(maps.Keys(s.Ended), Outcome.compare) {
		t.Sample(float64(s.Ended[o]), "status", string(o.Status), "cause", string(o.Cause))
	}
	t.Gauge("cloudops_executions_running", "Executions that run.", float64(s.Running))
	t.Histogram("cloudops_execution_duration_seconds", "How long executions ran.", Buckets(), s.Duration.Counts, s.Duration.Sum)
	t.Histogram("cloudops_execution_queued_seconds", "How long executions waited before they ran.", Buckets(), s.Queued.Counts, s.Queued.Sum)
	streams(t, "cloudops_output_bytes_total", "Bytes that ended executions wrote.", s.Output.StdoutBytes, s.Output.StderrBytes)
	streams(t, "cloudops_output_lines_total", "Lines that ended executions wrote.", s.Output.StdoutLines, s.Output.StderrLines)
	streams(t, "cloudops_output_omitted_bytes_total", "Bytes of these that limits left out.",
		s.Output.StdoutOmittedBytes, s.Output.StderrOmittedBytes)
	t.Counter("cloudops_output_masks_total", "Secrets that were masked.", float64(s.Output.Masks))
	t.Counter("cloudops_events_missed_total", "Events that did not come here.", float64(s.Missed.Events))
	t.Counter("cloudops_executions_missed_total", "Executions whose ending did not come here.", float64(s.Missed.Executions))
}

func (o Outcome) compare(other Outcome) int {
	return cmp.Or(cmp.Compare(o.Status, other.Status), cmp.Compare(o.Cause, other.Cause))
}

// streams adds a counter of both streams.
func streams(t *exposition.Families, name, help string, stdout, stderr int64) {
	t.Add(name, exposition.Counter, help)
	t.Sample(float64(stdout), "stream", "stdout")
	t.Sample(float64(stderr), "stream", "stderr")
}
