package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

// How many commands live at the same time. The seed asks for a hundred.
const (
	atOnce   = 1000
	fiveFold = 5 * atOnce
	seedLive = 100

	perCommand  = 3   // descriptors
	ourOwn      = 200 // descriptors that are not a command's, generously
	liveRounds  = 5
	crowdRounds = 3
)

// fits is n, or as many commands as this process has descriptors for.
func fits(n int) int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return n
	}
	return min(n, int(min(limit.Cur, 1<<30)-ourOwn)/perCommand)
}

// liveFigures are those of many commands that wait. The memory is that which the
// process has more of than before it started them, as it ships: with the collector
// set up as the program sets it, and without a collection made for the occasion.
// What the starts left for the collector counts, until it comes by itself, and
// nothing fits into what it has freed before, because it has not come. A tenth is
// started before the rest is counted: with the first come threads, and what the
// runtime keeps for each of its Ps.
func liveFigures(short bool) ([]figure, error) {
	rounds, n, many := liveRounds, fits(atOnce), fits(fiveFold)
	if short {
		rounds, many = 2, fits(2*atOnce)
	}
	f, err := takeTurns(rounds, n, ofLive+byEngine, ofLive+byExec, ofLive+byGoCmd)
	if err != nil {
		return nil, err
	}
	ours, name := f[ofLive+byEngine], fmt.Sprintf(" of %d live", n)
	all := []figure{
		newFigure("seed", "live at once", "", ours["live"]).atLeast(seedLive),
		newFigure("G14", "resident memory for each"+name, " KiB", ours["memory"]).within(2, 4),
		newFigure("G14", "the same", timesExec, quotients(ours["memory"], f[ofLive+byExec]["memory"])).within(0.1, 0),
		newFigure("G14", "the same", timesGoCmd, quotients(ours["memory"], f[ofLive+byGoCmd]["memory"])),
		newFigure("G14", "on the heap for each"+name, inBytes, ours["heap"]),
		newFigure("G15", "threads beyond GOMAXPROCS"+name, "", ours["threads"]).within(8, 8),
		newFigure("G15", "threads beyond GOMAXPROCS, os/exec", "", f[ofLive+byExec]["threads"]),
		newFigure("G15", "goroutines"+name, "", ours["goroutines"]).within(8, 16),
		newFigure("G15", "descriptors for each"+name, "", ours["descriptors"]).within(perCommand, perCommand),
	}
	more, err := crowdFigures(min(rounds, crowdRounds), many)
	return append(all, more...), err
}

// crowdFigures are those of starting and ending more commands at once than anybody
// does.
func crowdFigures(rounds, n int) ([]figure, error) {
	f, err := takeTurns(rounds, n, ofLive+byEngine, ofLive+byExec)
	if err != nil {
		return nil, err
	}
	ours, exec := f[ofLive+byEngine], f[ofLive+byExec]
	return []figure{
		newFigure("G16", fmt.Sprintf("start %d that stay", n), timesExec, quotients(ours["start"], exec["start"])).within(0.55, 0.75),
		newFigure("G16", "start one of them", inMicros, ours["start"]),
		newFigure("G16", fmt.Sprintf("kill and reap %d", n), timesExec, quotients(ours["end"], exec["end"])).within(0.4, 0.75),
		newFigure("G16", "kill and reap one of them", inMicros, ours["end"]),
		newFigure("G15", fmt.Sprintf("threads beyond GOMAXPROCS of %d live", n), "", ours["threads"]).within(8, 8),
		newFigure("G14", fmt.Sprintf("resident memory for each of %d live", n), " KiB", ours["memory"]).within(2, 4),
	}, nil
}

// studyLive starts n commands that stay, looks at this process while they live,
// and ends them.
func studyLive(variant string, n int) (map[string][]float64, error) {
	first := n / 10
	if variant == byEngine {
		cli.Prepare()
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	child, err := writeSleep0(dir)
	if err != nil {
		return nil, err
	}
	crowd, err := newCrowd(variant, n)
	if err != nil {
		return nil, err
	}
	empty := heapBytes()
	if err := crowd.start(child, first); err != nil {
		return nil, err
	}
	before, begun := thisProcess(), time.Now()
	if err := crowd.start(child, n-first); err != nil {
		return nil, err
	}
	started, after := time.Since(begun), thisProcess()
	heap := heapBytes() - empty
	live, err := crowd.live()
	if err != nil {
		return nil, err
	}
	begun = time.Now()
	if err := crowd.end(); err != nil {
		return nil, err
	}
	ended, each := time.Since(begun), float64(n-first)
	return map[string][]float64{
		"live": {float64(live)}, "start": {micros(started) / each}, "end": {micros(ended) / float64(n)},
		"memory": {(after.resident - before.resident) / each}, "heap": {heap / float64(n)},
		"threads":     {after.threads - float64(runtime.GOMAXPROCS(0))},
		"goroutines":  {after.goroutines},
		"descriptors": {(after.descriptors - before.descriptors) / each},
	}, nil
}

// footprint is what a process takes.
type footprint struct {
	resident                         float64 // KiB
	threads, goroutines, descriptors float64
}

func thisProcess() (f footprint) {
	status, _ := os.ReadFile("/proc/self/status") // else all is 0, and a gate at least is missed
	f.resident, f.threads = statusField(string(status), "VmRSS"), statusField(string(status), "Threads")
	f.goroutines = float64(runtime.NumGoroutine())
	open, _ := os.ReadDir("/proc/self/fd")
	f.descriptors = float64(len(open))
	return f
}

// statusField is a number in /proc/self/status.
func statusField(status, name string) float64 {
	_, line, _ := strings.Cut(status, "\n"+name+":")
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return 0
	}
	value, _ := strconv.ParseFloat(fields[0], 64)
	return value
}
