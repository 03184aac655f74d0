package exposition_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"pgregory.net/rapid"

	"github.com/escher-dbai/cloudops-engine/internal/exposition"
)

// Whatever a label or a value is, the parser of Prometheus finds it again.
func TestFamilies_AreReadByPrometheus(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		label := rapid.String().Draw(t, "label")
		want := rapid.Float64().Draw(t, "value")
		counts := rapid.SliceOfN(rapid.Int64Range(0, 1e9), 3, 3).Draw(t, "counts")
		var text exposition.Families
		text.Add("a_total", exposition.Counter, "Some help.")
		text.Sample(want, "one", label, "two", "x")
		text.Histogram("b_seconds", "More.", []time.Duration{time.Millisecond, time.Minute}, counts, 3*time.Second)
		text.Gauge("c", "Still more.", want)
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(text.Text()))
		if err != nil {
			t.Fatalf("%v:\n%s", err, text.Text())
		}
		a := families["a_total"].GetMetric()[0]
		if got := a.GetLabel()[0].GetValue(); got != label || len(a.GetLabel()) != 2 {
			t.Errorf("the label is %q, want %q", got, label)
		}
		if got := a.GetCounter().GetValue(); math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("the value is %v, want %v", got, want)
		}
		b := families["b_seconds"].GetMetric()[0].GetHistogram()
		if n := len(b.GetBucket()); n != 3 || b.GetSampleCount() != uint64(counts[0]+counts[1]+counts[2]) || b.GetSampleSum() != 3 {
			t.Errorf("the histogram is %v", b)
		}
		if b.GetBucket()[1].GetUpperBound() != 60 || b.GetBucket()[1].GetCumulativeCount() != uint64(counts[0]+counts[1]) {
			t.Errorf("its second bucket is %v", b.GetBucket()[1])
		}
		if strings.Count(string(text.Text()), "# TYPE") != 3 {
			t.Errorf("families:\n%s", text.Text())
		}
	})
}
