package sidecar_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/sidecar"
)

// The figures that these are held against: a ping takes less than 1 ms, and from a cancel to
// the end that is told less than 10 ms, of a command that ends when it is asked to.

func BenchmarkPing(b *testing.B) {
	h := start(b)
	for b.Loop() {
		h.call(nil, "Ping", "{}")
	}
}

// BenchmarkPing_BehindAStream is a ping while a subscription has all it can.
func BenchmarkPing_BehindAStream(b *testing.B) {
	h := start(b, func(c *sidecar.Config) { c.Window = -1 })
	id := h.shell("yes 0123456789012345678901234567890123456789")
	h.call(nil, "Watch", `{"executions":[{"id":%q}]}`, id)
	for b.Loop() {
		h.call(nil, "Ping", "{}")
		h.noted = nil
	}
}

func BenchmarkCancel_ToTheEnd(b *testing.B) {
	h := start(b, func(c *sidecar.Config) { c.Window = -1 })
	for b.Loop() {
		b.StopTimer()
		id := h.shell("exec sleep 100")
		h.call(nil, "Watch", `{"executions":[{"id":%q}],"without_output":true}`, id)
		for started := false; !started; {
			_, batch := h.batch()
			for _, ev := range batch.Body.Events {
				started = started || ev.EventType == string(engine.ExecutionStarted)
			}
		}
		b.StartTimer()
		h.call(nil, "Cancel", `{"id":%q}`, id)
		for method := ""; method != "end"; {
			method, _ = h.batch()
		}
	}
}

// BenchmarkWatch is a line, replayed by batches.
func BenchmarkWatch(b *testing.B) {
	const lines = 50_000
	h := start(b, func(c *sidecar.Config) { c.Window = -1 })
	id := h.shell("yes 0123456789012345678901234567890123456789 | head -n %d", lines)
	h.call(nil, "Wait", `{"id":%q,"without_output":true}`, id)
	var took time.Duration
	n := 0
	for b.Loop() {
		began := time.Now()
		h.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":"w","method":"Watch","params":{"executions":[{"id":%q}],"without_output":true}}`, id))
		for !strings.Contains(h.line(), `"method":"end"`) { // the host's work is not measured
		}
		took += time.Since(began)
		n += lines
	}
	b.ReportMetric(float64(took.Nanoseconds())/float64(n), "ns/line")
}
