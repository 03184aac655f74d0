package main

import (
	"bytes"
	"context"

	engine "github.com/escher-dbai/cloudops-engine"
)

// The bounds of a thousand finished executions.
const (
	kept        = 1000 // the default of Config.MaxFinished
	worstMemory = 100  // MB, with as much output as the limits allow
	smallMemory = 10   // MB, with a little output
	perRecord   = 512  // bytes beyond the output
	recordGoal  = 256

	firstFew = 100

	mega       = 1e6
	inMegaByte = " MB"
	inBytes    = " B"
)

// recordFigures are those of what finished executions cost to keep.
func recordFigures(short bool) ([]figure, error) {
	worst := 10 << 10 // what each writes, in KiB: all that is kept of a stream
	if short {
		worst /= 8
	}
	var l ledger
	l.add(ofRecords, kept, "bytes", newFigure("G17", "record beyond output, of 1,000", inBytes, nil).within(recordGoal, perRecord))
	l.add(ofRecords, 20*kept, "bytes", newFigure("G17", "record beyond output, of 20,000", inBytes, nil).within(recordGoal, perRecord))
	l.add(ofRealOnes, kept, "bytes", newFigure("G17", "record beyond output, 1,000 real echo", inBytes, nil).within(recordGoal, perRecord))
	l.add(ofOutput, 1, "heap", newFigure("seed", "1,000 finished, 1 KiB each: heap", inMegaByte, nil).within(0, smallMemory))
	l.add(ofOutput, worst, "heap", newFigure("seed", "1,000 finished, much output: heap", inMegaByte, nil).within(0, worstMemory))
	l.add(ofOutput, worst, "peak", newFigure("seed", "the same, output kept at its peak", inMegaByte, nil))
	return l.figures, l.err
}

// studyRecords counts the bytes of a record beyond its output.
func studyRecords(n int) (map[string][]float64, error) {
	return recordBytes(n, &scripted{stdout: []byte(echoed)})
}

// studyRealRecords does so with processes.
func studyRealRecords(n int) (map[string][]float64, error) { return recordBytes(n, nil) }

func recordBytes(n int, r engine.Runner) (map[string][]float64, error) {
	if _, err := heapOf(firstFew, r); err != nil { // what is made once is no record's
		return nil, err
	}
	grown, err := heapOf(n, r)
	return map[string][]float64{"bytes": {grown/float64(n) - float64(len(echoed))}}, err
}

// heapOf is by how much n records make the heap grow.
func heapOf(n int, r engine.Runner) (float64, error) {
	e, err := quietEngine(r)
	if err != nil {
		return 0, err
	}
	if err := addRecords(e, firstFew); err != nil { // what the first ones make is no record's either
		return 0, err
	}
	before := heapBytes()
	if err := addRecords(e, n); err != nil {
		return 0, err
	}
	grown := heapBytes() - before
	return grown, e.Shutdown(context.Background())
}

// studyOutput keeps a thousand executions that wrote so many KiB each, in an
// engine with the default bounds.
func studyOutput(kib int) (map[string][]float64, error) {
	line := append(bytes.Repeat([]byte{'x'}, 63), '\n')
	r := &scripted{stdout: bytes.Repeat(line, kib<<10/len(line))}
	before := heapBytes()
	e, err := engine.New(engine.Config{Runner: r})
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	peak := watchPeak(func() float64 {
		s, _ := e.Stats(ctx) // an engine in this process always answers
		return float64(s.OutputBytes)
	})
	if err := addRecords(e, kept); err != nil {
		return nil, err
	}
	highest := peak()
	heap := heapBytes() - before
	return map[string][]float64{"heap": {heap / mega}, "peak": {highest / mega}}, e.Shutdown(ctx)
}
