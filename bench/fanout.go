package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

const (
	fanOutEvents = million
	fanOutWidth  = 48
	fanOutBatch  = 64 // lines a write
	fanOutRounds = 7
	fanOutKeep   = 10 << 20 // what a record keeps of a stream by default
	fanOutAhead  = 4 << 20  // how far the writer gets before the last reader
	inNanos      = " ns"
)

// fanOutFigures are those of many readers of one record: each reads every line.
func fanOutFigures(bool) ([]figure, error) {
	var l ledger
	for readers, goal := range map[int]float64{1: 10, 10: 30, 100: 150} {
		l.add(ofFanOut, readers, "event", newFigure("G19", fmt.Sprintf("a line to %d readers, all told", readers), inNanos, nil).within(goal, 2*goal))
	}
	return l.figures, l.err
}

// studyFanOut writes a million lines to so many readers who lose none: the record is
// bounded, as those of an engine are, and who writes waits for them.
func studyFanOut(readers int) (map[string][]float64, error) {
	batch := bytes.Repeat(append(bytes.Repeat([]byte{'x'}, fanOutWidth-1), '\n'), fanOutBatch)
	var took []float64
	for range fanOutRounds {
		j := journal.New(&journal.Options{KeepBytes: fanOutKeep})
		var all sync.WaitGroup
		faults, places := make([]error, readers), make([]atomic.Int64, readers)
		start := time.Now()
		for i := range readers {
			all.Go(func() { faults[i] = countLines(j, fanOutEvents, &places[i]) })
		}
		for i := range int64(fanOutEvents / fanOutBatch) {
			waitForAll(places, i*int64(len(batch))-fanOutAhead)
			j.Append(journal.Stdout, batch)
		}
		j.Close(1, 1)
		all.Wait()
		took = append(took, float64(time.Since(start).Nanoseconds())/fanOutEvents)
		if err := errors.Join(faults...); err != nil {
			return nil, err
		}
	}
	return map[string][]float64{"event": took}, nil
}

// waitForAll waits until all have come to a place, or have left.
func waitForAll(places []atomic.Int64, to int64) {
	for i := range places {
		for places[i].Load() < to {
			runtime.Gosched()
		}
	}
}

// countLines reads a record to its end, and tells how far it is.
func countLines(j *journal.Journal, want int, place *atomic.Int64) error {
	defer place.Store(math.MaxInt64)
	lines, at := 0, int64(0)
	var loan journal.Loan
	defer loan.Return()
	for buf := make([]journal.Record, 64); ; {
		n, next, err := j.Borrow(context.Background(), at, buf, &loan)
		switch {
		case errors.Is(err, io.EOF) && lines == want:
			return nil
		case err != nil:
			return fmt.Errorf("%d lines: %w", lines, err)
		}
		at = next
		place.Store(at)
		for i := range buf[:n] {
			lines += bytes.Count(buf[i].Data, []byte{'\n'})
		}
	}
}
