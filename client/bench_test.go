package client_test

import (
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
)

// behindASocket is a client of a new engine.
func behindASocket(b *testing.B) (*client.Client, *engine.Engine) {
	b.Helper()
	e, path := newEngine(b), socket(b)
	serve(b, e, path)
	return dial(b, path, client.Config{}), e
}

// BenchmarkStats is what the smallest call costs.
func BenchmarkStats(b *testing.B) {
	c, _ := behindASocket(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Stats(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStatus is what a call costs that asks about an execution.
func BenchmarkStatus(b *testing.B) {
	c, _ := behindASocket(b)
	id, err := c.Execute(b.Context(), engine.Request{Command: engine.Exec("true")})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Status(b.Context(), id); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkLines is what a line of 79 bytes costs on its way to a reader.
func benchmarkLines(b *testing.B, read func(c *client.Client, id engine.ID) int) {
	b.Helper()
	const lines = 100_000
	c, e := behindASocket(b)
	id, err := e.Execute(b.Context(), engine.Request{Command: engine.Exec("sh", "-c", `yes "$(printf %078d 1)" | head -n 100000`)})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := e.Wait(b.Context(), id); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if n := read(c, id); n != lines {
			b.Fatalf("%d lines of %d", n, lines)
		}
	}
	b.ReportMetric(float64(b.N)*lines/b.Elapsed().Seconds(), "lines/s")
}

func BenchmarkWatch(b *testing.B) {
	benchmarkLines(b, func(c *client.Client, id engine.ID) (n int) {
		for ev, err := range c.Watch(b.Context(), id, 0) {
			if err != nil {
				b.Fatal(err)
			}
			if ev.Kind == engine.StdoutWritten {
				n++
			}
		}
		return n
	})
}

func BenchmarkOutput(b *testing.B) {
	benchmarkLines(b, func(c *client.Client, id engine.ID) (n int) {
		for o, err := range c.Output(b.Context(), id, 0) {
			if err != nil {
				b.Fatal(err)
			}
			n += len(o.Data)
		}
		return n / 79
	})
}
