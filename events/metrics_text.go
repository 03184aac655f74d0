package events

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"
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
	var t exposition
	t.family("cloudops_events_total", "counter", "Events, by kind.")
	for _, kind := range slices.Sorted(maps.Keys(s.Events)) {
		t.sample("cloudops_events_total", s.Events[kind], "kind", string(kind))
	}
	t.family("cloudops_executions_ended_total", "counter", "Executions that ended, by status and cause.")
	for _, o := range slices.SortedFunc(maps.Keys(s.Ended), Outcome.compare) {
		t.sample("cloudops_executions_ended_total", s.Ended[o], "status", string(o.Status), "cause", string(o.Cause))
	}
	t.single("cloudops_executions_running", "gauge", "Executions that run.", int64(s.Running))
	t.histogram("cloudops_execution_duration_seconds", "How long executions ran.", s.Duration)
	t.histogram("cloudops_execution_queued_seconds", "How long executions waited before they ran.", s.Queued)
	t.streams("cloudops_output_bytes_total", "Bytes that ended executions wrote.", s.Output.StdoutBytes, s.Output.StderrBytes)
	t.streams("cloudops_output_lines_total", "Lines that ended executions wrote.", s.Output.StdoutLines, s.Output.StderrLines)
	t.streams("cloudops_output_omitted_bytes_total", "Bytes of these that limits left out.",
		s.Output.StdoutOmittedBytes, s.Output.StderrOmittedBytes)
	t.single("cloudops_output_masks_total", "counter", "Secrets that were masked.", s.Output.Masks)
	t.single("cloudops_events_missed_total", "counter", "Events that did not come here.", s.Missed.Events)
	t.single("cloudops_executions_missed_total", "counter", "Executions whose ending did not come here.", s.Missed.Executions)
	n, err := w.Write(t.text)
	return int64(n), err
}

func (o Outcome) compare(other Outcome) int {
	return cmp.Or(cmp.Compare(o.Status, other.Status), cmp.Compare(o.Cause, other.Cause))
}

// exposition is a text in the format of Prometheus.
type exposition struct{ text []byte }

func (t *exposition) family(name, kind, help string) {
	t.text = fmt.Appendf(t.text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// sample adds a value; labels are names and values in turn.
func (t *exposition) sample(name string, value int64, labels ...string) {
	t.text = append(t.text, name...)
	for i := 0; i+1 < len(labels); i += 2 {
		before := ","
		if i == 0 {
			before = "{"
		}
		t.text = fmt.Appendf(t.text, "%s%s=%q", before, labels[i], labels[i+1])
	}
	if len(labels) > 0 {
		t.text = append(t.text, '}')
	}
	t.text = fmt.Appendf(t.text, " %d\n", value)
}

func (t *exposition) single(name, kind, help string, value int64) {
	t.family(name, kind, help)
	t.sample(name, value)
}

func (t *exposition) streams(name, help string, stdout, stderr int64) {
	t.family(name, "counter", help)
	t.sample(name, stdout, "stream", "stdout")
	t.sample(name, stderr, "stream", "stderr")
}

// histogram adds the buckets of one, which count what is below them too.
func (t *exposition) histogram(name, help string, h Histogram) {
	t.family(name, "histogram", help)
	total := int64(0)
	for i, bound := range Buckets() {
		total += h.Counts[i]
		t.sample(name+"_bucket", total, "le", seconds(bound))
	}
	total += h.Counts[len(h.Counts)-1]
	t.sample(name+"_bucket", total, "le", "+Inf")
	t.text = fmt.Appendf(t.text, "%s_sum %s\n", name, seconds(h.Sum))
	t.sample(name+"_count", total)
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'g', -1, 64) }
