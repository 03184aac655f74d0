package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

const (
	million   = 1_000_000
	fewInCase = 100_000 // what stands for a million in a short run
	idleTicks = 101
)

// cleanupFigures are those of forgetting. A cleanup holds the engine's lock from
// its first step to its last: its time is the lock's.
func cleanupFigures(short bool) ([]figure, error) {
	many, name := million, "1,000,000"
	if short {
		many, name = fewInCase, "100,000"
	}
	const seed = 1000 // ms
	var l ledger
	l.add(ofCleanup, kept, "took", newFigure("G18", "cleanup of 1,000", inMillis, nil).within(0.05, seed))
	l.add(ofCleanup, many, "took", newFigure("G18", "cleanup of "+name+", lock hold", inMillis, nil).within(5, 50))
	l.add(ofIdleTick, many, "tick", newFigure("G18", "cleanup of none of "+name, inMicros, nil).within(10, 0))
	l.add(ofIdleTick, many, "collect", newFigure("G17", "full garbage collection at "+name, inMillis, nil))
	return l.figures, l.err
}

// studyCleanup has n executions that ended long ago forgotten at once, often
// where n is small.
func studyCleanup(n int) (map[string][]float64, error) {
	times := 1
	if n <= kept {
		times = 11
	}
	r := &scripted{stdout: []byte(echoed), age: 2 * time.Hour}
	var took []float64
	for range times {
		e, err := quietEngine(r)
		if err != nil {
			return nil, err
		}
		if err := addRecords(e, n); err != nil {
			return nil, err
		}
		runtime.GC() // so that none begins meanwhile
		start := time.Now()
		gone, err := e.Cleanup(context.Background())
		took = append(took, millis(time.Since(start)))
		if err != nil {
			return nil, err
		}
		if gone != n {
			return nil, fmt.Errorf("%d of %d were forgotten", gone, n)
		}
		if err := e.Shutdown(context.Background()); err != nil {
			return nil, err
		}
	}
	return map[string][]float64{"took": took}, nil
}

// studyIdleTick looks for what is too old among n that are not.
func studyIdleTick(n int) (map[string][]float64, error) {
	e, err := quietEngine(&scripted{stdout: []byte(echoed)})
	if err != nil {
		return nil, err
	}
	if err := addRecords(e, n); err != nil {
		return nil, err
	}
	runtime.GC()
	start := time.Now()
	runtime.GC()
	collect := millis(time.Since(start))
	tick, err := idleTick(e)
	if err != nil {
		return nil, err
	}
	return map[string][]float64{"tick": tick, "collect": {collect}}, e.Shutdown(context.Background())
}

func idleTick(e *engine.Engine) ([]float64, error) {
	var tick []float64
	for range idleTicks {
		start := time.Now()
		gone, err := e.Cleanup(context.Background())
		tick = append(tick, micros(time.Since(start)))
		if err != nil || gone != 0 {
			return nil, fmt.Errorf("%d were forgotten that should not: %w", gone, err)
		}
	}
	return tick, nil
}

func millis(d time.Duration) float64 { return micros(d) / 1000 }
