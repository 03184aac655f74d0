package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

// atOnce is how many commands are to live at the same time: the seed asks for a
// hundred, three descriptors each fit the usual 1,024.
const (
	atOnce   = 300
	seedLive = 100
	settle   = 30 * time.Second
)

// liveFigures are those of many commands that wait.
func liveFigures(bool) ([]figure, error) {
	var l ledger
	l.add(ofLiveOnes, atOnce, "live", newFigure("seed", fmt.Sprintf("live at once, of %d sleepers", atOnce), "", nil).atLeast(seedLive))
	l.add(ofLiveOnes, atOnce, "memory", newFigure("G14", "resident memory for each of them", " KiB", nil).within(2, 4).reported())
	l.add(ofLiveOnes, atOnce, "threads", newFigure("G15", "threads of the engine meanwhile", "", nil))
	return l.figures, l.err
}

// studyLive starts n sleepers and looks at this process while they live.
func studyLive(n int) (map[string][]float64, error) {
	cli.Prepare()
	e, err := engine.New(engine.Config{MaxConcurrent: n, Grace: time.Second})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), settle)
	defer cancel()
	if err := sleepers(ctx, e, 8); err != nil { // threads and buffers that a first start makes
		return nil, err
	}
	heapBytes()
	before, err := residentBytes()
	if err != nil {
		return nil, err
	}
	if err := sleepers(ctx, e, n-8); err != nil {
		return nil, err
	}
	live, err := e.RunningCount(ctx)
	if err != nil {
		return nil, err
	}
	heapBytes()
	after, err := residentBytes()
	found := map[string][]float64{
		"live": {float64(live)}, "memory": {(after - before) / float64(n-8) / 1024},
		"threads": {float64(pprof.Lookup("threadcreate").Count())},
	}
	stop, end := context.WithCancelCause(ctx)
	end(errors.New("seen enough"))
	if e.Shutdown(stop) == nil {
		return nil, errors.New("sleepers ended by themselves")
	}
	return found, err
}

// sleepers starts n more and waits until all that were accepted run.
func sleepers(ctx context.Context, e *engine.Engine, n int) error {
	for range n {
		if _, err := e.Execute(ctx, engine.Request{Command: engine.Exec("sleep", "600")}); err != nil {
			return err
		}
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := e.Stats(ctx)
		if err != nil || s.Running == int(s.Accepted) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil // the figure tells
		}
	}
}

// residentBytes is the resident memory of this process.
func residentBytes() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, line, _ := strings.Cut(string(status), "\nVmRSS:")
	var kib float64
	_, err = fmt.Sscan(line, &kib)
	return kib * 1024, err
}
