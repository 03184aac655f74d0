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
	Own       time.Duration // CPU of the worker alone
	Allocs    float64
	Bytes     float64 // allocated
	P50, P99  time.Duration
	Skipped   float64 // bytes that a reader was too late for
	Amount    int64   // bytes that were to come
}

// cpuTime is what this process has used, or the children that it waited for.
func cpuTime(who int) time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(who, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measured runs f, which returns how long each command took, and tells what one
// cost.
func measured(f func() ([]time.Duration, error)) (measure, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	own, children, start := cpuTime(syscall.RUSAGE_SELF), cpuTime(syscall.RUSAGE_CHILDREN), time.Now()
	took, err := f()
	wall := time.Since(start)
	own, children = cpuTime(syscall.RUSAGE_SELF)-own, cpuTime(syscall.RUSAGE_CHILDREN)-children
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
		Wall: wall / time.Duration(n), CPU: (own + children) / time.Duration(n), Own: own / time.Duration(n),
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
