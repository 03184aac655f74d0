package main

import (
	"runtime"
	"slices"
	"syscall"
	"time"
)

// order is what a worker is asked to run: commands, so many at once.
type order struct {
	Child       string
	Commands    int
	Concurrency int
}

// measure is what it cost, per command.
type measure struct {
	Wall, CPU time.Duration // CPU: of the worker and of its children
	Allocs    float64
	Bytes     float64 // allocated
	P50, P99  time.Duration
	Skipped   float64 // bytes that a reader was too late for
	Amount    int64   // bytes that were to come
}

// cpuTime is what this process and the children it waited for have used.
func cpuTime() time.Duration {
	var total int64
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			total += u.Utime.Nano() + u.Stime.Nano()
		}
	}
	return time.Duration(total)
}

// measured runs f, which returns how long each command took, and tells what one
// cost.
func measured(f func() ([]time.Duration, error)) (measure, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, start := cpuTime(), time.Now()
	took, err := f()
	wall, used := time.Since(start), cpuTime()-cpu
	runtime.ReadMemStats(&after)
	if err != nil {
		return measure{}, err
	}
	if len(took) == 0 { // one thing was done, and what it was made of took no time of its own
		took = []time.Duration{wall}
	}
	slices.Sort(took)
	n := len(took)
	return measure{
		Wall: wall / time.Duration(n), CPU: used / time.Duration(n),
		Allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
		Bytes:  float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
		P50:    took[n/2], P99: took[n*99/100], Skipped: float64(skipped.Swap(0)),
	}, nil
}

// heapBytes is the live heap.
func heapBytes() float64 {
	runtime.GC()
	runtime.GC() // what had a finalizer or was in a pool goes with the second
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
