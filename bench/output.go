package main

import "fmt"

// The loads of output: a name, what is produced, and who reads it.
const (
	in80    = "80-byte lines"
	in8     = "8-byte lines"
	inOne   = "one line"
	latency = "a line a millisecond"

	mebi = 1 << 20
)

// outputLoads are what a round of reading consists of.
func outputLoads(short bool) []load {
	size := 1024 * mebi
	if short {
		size /= 8
	}
	one := func(kind string, amount int) order { return order{produced(kind, amount), 1, 1} }
	return []load{
		{in80, one(lines80, size), []string{byRaw, byFollower, byMasked, byLines, byTee, byGoCmdLines}},
		{in8, one(lines8, size/4), []string{byRaw, byFollower, byMasked, byLines, byTee, byGoCmdLines}},
		{inOne, one(oneLine, size), []string{byRaw, byFollower, byMasked, byLines}},
		{latency, one(ticking, 500), []string{byRaw, byHop, byFollower, byLines, byGoCmdLines}},
	}
}

const timesRaw = "× raw"

// outputFigures are those of reading: speeds as ratios, where more is better.
func outputFigures(s samples) []figure {
	speed := func(name, load, ours, theirs, unit string, goal, gate float64) figure {
		return newFigure(name, fmt.Sprintf("%s, %s", load, ours), unit, s.ratio(load, theirs, ours, wallOf)).towards(goal).atLeast(gate)
	}
	all := []figure{
		speed("G8", in80, byFollower, byRaw, timesRaw, 0.85, 0.65),
		speed("G8", in80, byFollower, byGoCmdLines, timesGoCmd, 6, 4),
		speed("G8", in80, byTee, byRaw, timesRaw, 0.85, 0.65),
		speed("G8", in80, byMasked, byRaw, timesRaw, 0, 0),
		speed("G8", in80, byLines, byRaw, timesRaw, 0, 0),
		speed("G9", in8, byFollower, byRaw, timesRaw, 0.5, 0.35),
		speed("G9", in8, byFollower, byGoCmdLines, timesGoCmd, 20, 12),
		speed("G9", in8, byTee, byRaw, timesRaw, 0.5, 0.35),
		speed("G9", in8, byMasked, byRaw, timesRaw, 0, 0),
		speed("G9", in8, byLines, byRaw, timesRaw, 0, 0),
		speed("G10", inOne, byFollower, byRaw, timesRaw, 0.55, 0.4),
		speed("G10", inOne, byMasked, byRaw, timesRaw, 0, 0),
		speed("G10", inOne, byLines, byRaw, timesRaw, 0, 0),
	}
	for _, load := range []string{in80, in8, inOne} {
		all = append(all,
			newFigure("G8", load+", follower was too late for", " B", s.each(load, byFollower, skippedOf)),
			newFigure("G11", load+", allocations for 64 KiB", "", s.each(load, byFollower, allocsPerRead)).within(1, 2))
	}
	return append(all,
		newFigure("G12", "latency of a line, p50, Output", timesRaw, s.ratio(latency, byFollower, byRaw, p50Of)),
		newFigure("G12", "latency of a line, p50, one hand-over in Go", timesRaw, s.ratio(latency, byHop, byRaw, p50Of)),
		newFigure("G12", "latency of a line, p50, Output", " × one hand-over", s.ratio(latency, byFollower, byHop, p50Of)).within(0, 1.2),
		newFigure("G12", "latency of a line, p50, Output", timesGoCmd, s.ratio(latency, byFollower, byGoCmdLines, p50Of)).within(0.75, 1),
		newFigure("G12", "latency of a line, p50, Watch", timesRaw, s.ratio(latency, byLines, byRaw, p50Of)),
	)
}
