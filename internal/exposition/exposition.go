// Package exposition holds counts as they are told to others, in the order in which it is told
// of them, and writes them in the text format of Prometheus (version 0.0.4). It is small on
// purpose: the client library of Prometheus costs each supervisor a tenth of its memory at the
// start of the program (adr 0018).
package exposition

import "time"

// Kind is what the values of a [Family] mean.
type Kind string

// The kinds. A summary has no quantiles here: a sum and a count.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
	Summary   Kind = "summary"
)

// Family is one metric.
type Family struct {
	Name, Help string
	Kind       Kind
	// Samples are those of a counter or gauge.
	Samples []Sample
	// Spread is that of a histogram, of which there is one, or, without bounds and counts,
	// of a summary.
	Spread Spread
}

// Points is how many values it has, or spreads.
func (f *Family) Points() int {
	if f.Kind == Histogram || f.Kind == Summary {
		return 1
	}
	return len(f.Samples)
}

// Sample is a value. Labels are names and values in turn.
type Sample struct {
	Value  float64
	Labels []string
}

// Spread is how durations are spread: Counts has one for each of Bounds, of those up to it
// that are above the bound before, and a last one of those above all.
type Spread struct {
	Bounds []time.Duration
	Counts []int64
	Count  int64
	Sum    time.Duration
}

// Families are counts, of one moment. The zero value is empty; it is not safe for concurrent
// use.
type Families struct{ all []Family }

// All are those that were told.
func (f *Families) All() []Family { return f.all }

// Add adds a counter or gauge; its samples follow.
func (f *Families) Add(name string, kind Kind, help string) {
	f.all = append(f.all, Family{Name: name, Kind: kind, Help: help})
}

// Sample adds a value to the last that was added.
func (f *Families) Sample(value float64, labels ...string) {
	last := &f.all[len(f.all)-1]
	last.Samples = append(last.Samples, Sample{value, labels})
}

// Counter adds one without labels.
func (f *Families) Counter(name, help string, value float64) {
	f.Add(name, Counter, help)
	f.Sample(value)
}

// Gauge adds one without labels.
func (f *Families) Gauge(name, help string, value float64) {
	f.Add(name, Gauge, help)
	f.Sample(value)
}

// Histogram adds one of durations: see [Spread].
func (f *Families) Histogram(name, help string, bounds []time.Duration, counts []int64, sum time.Duration) {
	total := int64(0)
	for _, n := range counts {
		total += n
	}
	f.all = append(f.all, Family{Name: name, Kind: Histogram, Help: help, Spread: Spread{bounds, counts, total, sum}})
}

// Summary adds how often something was, and how long together.
func (f *Families) Summary(name, help string, count int64, sum time.Duration) {
	f.all = append(f.all, Family{Name: name, Kind: Summary, Help: help, Spread: Spread{Count: count, Sum: sum}})
}
