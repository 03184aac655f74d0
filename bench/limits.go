package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

// Limits are looked at beside so many commands that run.
const (
	besideLimits = 100
	timeouts     = 500
	timeoutEach  = 200 * time.Millisecond
	slots        = 8
	slotSamples  = 10_000
)

// limitFigures are how late a timeout is, and how many commands run at once where
// only so many may. There is no peer with limits to compare with.
func limitFigures(bool) ([]figure, error) {
	f, err := takeTurns(1, besideLimits, ofLimits)
	if err != nil {
		return nil, err
	}
	late := f[ofLimits]["late"]
	slices.Sort(late)
	return []figure{
		newFigure("limits", fmt.Sprintf("a timeout is late beside %d running, p50", besideLimits), inMillis, late[len(late)/2:][:1]),
		newFigure("limits", "the same, p99", inMillis, late[len(late)*99/100:][:1]).within(50, 200),
		newFigure("limits", fmt.Sprintf("most that ran at once of %d, in %d samples", slots, slotSamples), "", f[ofLimits]["most"]).within(slots, slots),
	}, nil
}

// studyLimits runs commands into their timeouts beside others, and counts how many
// run where few may.
func studyLimits(beside int) (map[string][]float64, error) {
	cli.Prepare()
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	child, err := writeSleep0(dir)
	if err != nil {
		return nil, err
	}
	late, err := lateness(child, beside)
	if err != nil {
		return nil, err
	}
	most, err := mostAtOnce()
	return map[string][]float64{"late": late, "most": {float64(most)}}, err
}

// lateness is how long after their timeout commands had ended, in milliseconds.
func lateness(child string, beside int) (late []float64, err error) {
	ctx := context.Background()
	e, err := engine.New(engine.Config{MaxConcurrent: beside + 50})
	if err != nil {
		return nil, err
	}
	for range beside {
		if _, err := e.Execute(ctx, engine.Request{Command: engine.Exec(child)}); err != nil {
			return nil, err
		}
	}
	var ids []engine.ID
	for range timeouts {
		id, err := e.Execute(ctx, engine.Request{Command: engine.Exec(child), Timeout: timeoutEach})
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		r, err := e.Wait(ctx, id)
		if err != nil {
			return nil, err
		}
		if r.Cause != engine.CauseTimeout {
			return nil, fmt.Errorf("it ended by %s", r.Cause)
		}
		late = append(late, micros(r.Duration-timeoutEach)/1000)
	}
	at, cancel := context.WithCancel(ctx)
	cancel() // what is left is ended at once
	if err := e.Shutdown(at); !errors.Is(err, context.Canceled) {
		return late, err
	}
	return late, nil
}

// mostAtOnce is the largest number of commands that was seen to run at the same
// time.
func mostAtOnce() (most int, err error) {
	ctx := context.Background()
	e, err := engine.New(engine.Config{MaxConcurrent: slots})
	if err != nil {
		return 0, err
	}
	for range slotSamples / 10 {
		if _, err := e.Execute(ctx, engine.Request{Command: engine.Exec("sleep", "0.02")}); err != nil {
			return most, err
		}
	}
	for range slotSamples {
		running, err := e.RunningCount(ctx)
		if err != nil {
			return most, err
		}
		most = max(most, running)
		<-time.After(100 * time.Microsecond)
	}
	return most, e.Shutdown(ctx)
}
