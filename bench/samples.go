package main

import "time"

// samples are the measures of a run: by load and variant, one for each round.
type samples map[[2]string][]measure

// Parts of a measure, as numbers.
func wallOf(m measure) float64    { return micros(m.Wall) }
func cpuOf(m measure) float64     { return micros(m.CPU) }
func ownOf(m measure) float64     { return micros(m.Own) }
func allocsOf(m measure) float64  { return m.Allocs }
func bytesOf(m measure) float64   { return m.Bytes }
func p50Of(m measure) float64     { return micros(m.P50) / 1000 }
func p99Of(m measure) float64     { return micros(m.P99) / 1000 }
func skippedOf(m measure) float64 { return m.Skipped }

func allocsPerRead(m measure) float64 { return m.Allocs / (float64(m.Amount) / pipeBytes) }

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// each is a part of the measures of one variant.
func (s samples) each(load, variant string, part func(measure) float64) []float64 {
	var values []float64
	for _, m := range s[[2]string{load, variant}] {
		values = append(values, part(m))
	}
	return values
}

// ratio compares two variants round by round.
func (s samples) ratio(load, ours, theirs string, part func(measure) float64) []float64 {
	return quotients(s.each(load, ours, part), s.each(load, theirs, part))
}

// excess is how much more one variant needs than another, round by round.
func (s samples) excess(load, ours, theirs string, part func(measure) float64) []float64 {
	values := s.each(load, ours, part)
	for i, peer := range s.each(load, theirs, part) {
		values[i] -= peer
	}
	return values
}

// Units of the figures.
const (
	timesExec  = "× exec"
	timesGoCmd = "× gocmd"
	inMicros   = " µs"
	inMillis   = " ms"
)

// spawnFigures are those of starting commands, from submit to the end seen. What
// the engine adds to its bare spawn is the CPU of its own process: the children are
// the same, and what the kernel needs to execute them varies by more than is
// looked for. Both figures are shown.
func spawnFigures(s samples) []figure {
	return append(s.ratios(),
		newFigure("G6", "over bare spawn, c=100, CPU", inMicros, s.excess(hundred, byEngine, byTable, ownOf)).within(10, 20),
		newFigure("G6", "the same with the children's", inMicros, s.excess(hundred, byEngine, byTable, cpuOf)),
		newFigure("G6", "over bare spawn, c=1, CPU", inMicros, s.excess(oneByOne, byEngine, byTable, ownOf)).within(10, 20).reported(),
		newFigure("G6", "engine without a process, CPU", inMicros, s.each(childless, byNothing, cpuOf)).within(10, 20).reported(),
		newFigure("G6", "over bare spawn, allocations", "", s.excess(oneByOne, byEngine, byTable, allocsOf)).within(10, 0),
		newFigure("G6", "over bare spawn, allocated", " B", s.excess(oneByOne, byEngine, byTable, bytesOf)).within(2048, 0),
		newFigure("G7", "submit to exit seen, c=8, p50", inMillis, s.each(eight, byEngine, p50Of)).within(0.5, 0),
		newFigure("G7", "submit to exit seen, c=8, p99", inMillis, s.each(eight, byEngine, p99Of)).within(5, 10),
		newFigure("G7", "the same, default GOMAXPROCS, p99", inMillis, s.each(eight, byLibrary, p99Of)),
		newFigure("G7", "the same, os/exec, p99", inMillis, s.each(eight, byExec, p99Of)),
	)
}

// ratios are the figures that compare the engine with others.
func (s samples) ratios() []figure {
	wall := func(name, what, load, ours, theirs, unit string) figure {
		return newFigure(name, what, unit, s.ratio(load, ours, theirs, wallOf))
	}
	cpu := func(name, what, load, ours, theirs, unit string) figure {
		return newFigure(name, what, unit, s.ratio(load, ours, theirs, cpuOf))
	}
	return []figure{
		wall("G1", "c=1, wall", oneByOne, byEngine, byExec, timesExec).within(0.85, 1),
		wall("G1", "c=1, wall, default GOMAXPROCS", oneByOne, byLibrary, byExec, timesExec),
		cpu("G2", "c=1, CPU", oneByOne, byEngine, byExec, timesExec).within(0.9, 1),
		cpu("G2", "c=1, CPU, default GOMAXPROCS", oneByOne, byLibrary, byExec, timesExec),
		wall("G3", "c=100, wall", hundred, byEngine, byExec, timesExec).within(0.45, 0.65),
		wall("G3", "c=100, wall", hundred, byEngine, byGoCmd, timesGoCmd).within(0.35, 0.5),
		wall("G3", "c=100, wall, default GOMAXPROCS", hundred, byLibrary, byExec, timesExec),
		cpu("G4", "c=100, CPU", hundred, byEngine, byExec, timesExec).within(0.75, 0.9),
		cpu("G4", "c=100, CPU", hundred, byEngine, byGoCmd, timesGoCmd).within(0.6, 0),
		cpu("G4", "c=100, CPU, default GOMAXPROCS", hundred, byLibrary, byExec, timesExec),
		wall("G5", "/bin/true, c=100, wall", withLibc, byEngine, byExec, timesExec).within(0.65, 0.8).reported(),
		cpu("G5", "/bin/true, c=100, CPU", withLibc, byEngine, byExec, timesExec).within(0.9, 1).reported(),
		wall("G5", "/bin/true, c=100, wall", withLibc, byEngine, byGoCmd, timesGoCmd),
	}
}
