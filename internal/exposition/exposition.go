// Package exposition writes counts in the text format of Prometheus (version 0.0.4), in the
// order in which it is told of them. It is small on purpose: the client library of
// Prometheus costs each supervisor a tenth of its memory at the start of the program (adr 0018).
package exposition

import (
	"fmt"
	"strconv"
	"time"
)

// ContentType is that of a [Text].
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Text is a text in the format. The zero value is empty.
type Text struct{ text []byte }

// Bytes is the text so far.
func (t *Text) Bytes() []byte { return t.text }

// Family begins a metric: a counter, gauge, histogram or summary. Its samples follow.
func (t *Text) Family(name, kind, help string) {
	t.text = fmt.Appendf(t.text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// Sample adds a value; labels are names and values in turn.
func (t *Text) Sample(name string, value float64, labels ...string) {
	t.text = append(t.text, name...)
	for i := 0; i+1 < len(labels); i += 2 {
		before := ","
		if i == 0 {
			before = "{"
		}
		t.text = fmt.Appendf(t.text, "%s%s=\"", before, labels[i])
		t.text = append(escaped(t.text, labels[i+1]), '"')
	}
	if len(labels) > 0 {
		t.text = append(t.text, '}')
	}
	t.text = append(append(append(t.text, ' '), Number(value)...), '\n')
}

// escaped appends the value of a label: three characters have an escape, and no other.
func escaped(to []byte, value string) []byte {
	for _, c := range []byte(value) {
		switch c {
		case '\\', '"':
			to = append(to, '\\', c)
		case '\n':
			to = append(to, '\\', 'n')
		default:
			to = append(to, c)
		}
	}
	return to
}

// Number is a value as the format has it.
func Number(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }

// Counter adds one without labels.
func (t *Text) Counter(name, help string, value float64) { t.single(name, "counter", help, value) }

// Gauge adds one without labels.
func (t *Text) Gauge(name, help string, value float64) { t.single(name, "gauge", help, value) }

func (t *Text) single(name, kind, help string, value float64) {
	t.Family(name, kind, help)
	t.Sample(name, value)
}

// Histogram adds one of durations: counts has one for each bound, of those up to it that
// are above the bound before, and a last one of those above all.
func (t *Text) Histogram(name, help string, bounds []time.Duration, counts []int64, sum time.Duration) {
	t.Family(name, "histogram", help)
	total := int64(0)
	for i, n := range counts {
		le := "+Inf"
		if i < len(bounds) {
			le = Number(bounds[i].Seconds())
		}
		total += n
		t.Sample(name+"_bucket", float64(total), "le", le)
	}
	t.Sample(name+"_sum", sum.Seconds())
	t.Sample(name+"_count", float64(total))
}
