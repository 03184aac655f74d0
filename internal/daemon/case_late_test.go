//go:build unix

package daemon_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

// SUB-06: of lines that nobody read in time the first and the last are kept, and those
// between them are dropped: what a reader that comes late gets is the head, how much is gone,
// and the tail.
func TestSUB06_TheMiddleIsDropped(t *testing.T) {
	t.Parallel()
	_, c := passing(t, engine.Config{MaxOutputBytes: 60}) // ten lines of six bytes
	r := ran(t, c, engine.Request{Command: engine.Shell("for i in $(seq -w 1 15); do echo lin$i; done")})
	var got []string
	for ev, err := range c.Watch(t.Context(), r.ID, 0) {
		must(t, err)
		if ev.Kind == engine.StdoutWritten {
			got = append(got, string(ev.Line))
		}
		if ev.Kind == engine.OutputSkipped {
			got = append(got, fmt.Sprint(ev.Gap.Bytes))
		}
	}
	want := []string{"lin01", "lin02", "lin03", "lin04", "lin05", "30", "lin11", "lin12", "lin13", "lin14", "lin15"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// SUB-05: what a reader was given and what it was told is gone are together what was produced,
// for each of many that read at their own pace, and the gauge has the sum of what is gone.
func TestSUB05_GapsAreCountedExactly(t *testing.T) {
	t.Parallel()
	d, c := passing(t, engine.Config{MaxOutputBytes: 1 << 10})
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("seq 1 20000")})
	must(t, err)
	var given, skipped [100]int64
	var all sync.WaitGroup
	for i := range given {
		all.Go(func() {
			for o, err := range c.Output(t.Context(), id, 0) {
				if err != nil {
					t.Error(err)
					return
				}
				given[i] += int64(len(o.Data))
				skipped[i] += o.Skipped
				for range i { // the later ones are slower
					runtime.Gosched()
				}
			}
		})
	}
	all.Wait()
	r, err := c.Wait(t.Context(), id)
	must(t, err)
	sum := int64(0)
	for i := range given {
		if given[i]+skipped[i] != r.Output.StdoutBytes {
			t.Errorf("reader %d has %d and misses %d, of %d", i, given[i], skipped[i], r.Output.StdoutBytes)
		}
		sum += skipped[i]
	}
	if got := value(scrape(t, d.Addresses()[0]), "cloudops_reader_gap_bytes_total"); sum == 0 || got != float64(sum) {
		t.Errorf("the gauge says %v, and readers miss %d", got, sum)
	}
}
