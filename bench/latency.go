package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-cmd/cmd"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

// A line's latency is measured while the same process starts so many commands a
// second, or as many as it can.
const (
	offered       = 4500
	needed        = 4 // thousand a second must be reached
	offeredAtOnce = 100

	talkEach      = time.Millisecond
	talkTime      = 2000 // ms
	latencyRounds = 5
)

// latencyFigures are those of a line from when it is written until a subscriber has
// it. The peer's commands are started by os/exec, its lines read by go-cmd.
func latencyFigures(short bool) ([]figure, error) {
	rounds := latencyRounds
	if short {
		rounds = 2
	}
	f, err := takeTurns(rounds, talkTime, ofLatency+byEngine, ofLatency+byGoCmd)
	if err != nil {
		return nil, err
	}
	ours, theirs := f[ofLatency+byEngine], f[ofLatency+byGoCmd]
	return []figure{
		newFigure("G13", "commands meanwhile, thousand a second", "", ours["rate"]).atLeast(needed),
		newFigure("G13", "a line while they start, p50", " µs", ours["p50"]).within(100, 0),
		newFigure("G13", "a line while they start, p99", inMillis, ours["p99"]).within(2, 5),
		newFigure("G13", "the same", timesGoCmd, quotients(ours["p99"], theirs["p99"])).within(0.05, 0),
		newFigure("G13", "go-cmd and os/exec, thousand a second", "", theirs["rate"]),
		newFigure("G13", "go-cmd and os/exec, p50", " µs", theirs["p50"]),
		newFigure("G13", "go-cmd and os/exec, p99", inMillis, theirs["p99"]),
	}, nil
}

// listener runs a program and hands over its lines as they come.
type listener func(line func(text string), program string, args ...string) error

// studyLatency listens to a talker for so many milliseconds.
func studyLatency(variant string, ms int) (map[string][]float64, error) {
	listen, run, err := newListener(variant)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	child, err := writeTrue0(dir)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	stop := offer(run, child)
	var took []float64
	err = listen(func(text string) {
		if written, err := strconv.ParseInt(text, 10, 64); err == nil {
			took = append(took, micros(time.Duration(time.Now().UnixNano()-written)))
		}
	}, self, talkFlag, strconv.Itoa(ms))
	rate, loadErr := stop()
	if err := errors.Join(err, loadErr); err != nil {
		return nil, err
	}
	if len(took) == 0 {
		return nil, errors.New("no line came")
	}
	slices.Sort(took)
	return map[string][]float64{
		"rate": {rate / 1000}, "p50": {took[len(took)/2]}, "p99": {took[len(took)*99/100] / 1000},
	}, nil
}

// newListener makes what listens, and what starts the commands meanwhile.
func newListener(variant string) (listener, runFunc, error) {
	switch variant {
	case byEngine:
		cli.Prepare()
		e, err := engine.New(engine.Config{})
		return listenByEngine(e), runOn(e), err
	case byGoCmd:
		return listenByGoCmd, runExec, nil
	default:
		return nil, nil, fmt.Errorf("there is no listener %q", variant)
	}
}

func listenByEngine(e *engine.Engine) listener {
	return func(line func(text string), program string, args ...string) error {
		ctx := context.Background()
		id, err := e.Execute(ctx, engine.Request{Command: engine.Exec(program, args...)})
		if err != nil {
			return err
		}
		for event, err := range e.Watch(ctx, id, 0) {
			if err != nil {
				return err
			}
			if event.Kind == engine.StdoutWritten {
				line(string(event.Line))
			}
		}
		return nil
	}
}

func listenByGoCmd(line func(text string), program string, args ...string) error {
	c := cmd.NewCmdOptions(cmd.Options{Streaming: true}, program, args...)
	ended := c.Start()
	for {
		select {
		case text := <-c.Stdout:
			line(text)
		case status := <-ended:
			return status.Error
		}
	}
}

// offer runs commands until stop is called, which returns how many there were a
// second.
func offer(run runFunc, child string) (stop func() (rate float64, err error)) {
	var workers sync.WaitGroup
	var count atomic.Int64
	faults := make([]error, offeredAtOnce)
	due, end := make(chan struct{}), make(chan struct{})
	for w := range offeredAtOnce {
		workers.Go(func() {
			for range due {
				if err := run(child); err != nil {
					faults[w] = err
				}
				count.Add(1)
			}
		})
	}
	start := time.Now()
	workers.Go(func() {
		defer close(due)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for given := 0; ; given++ {
			for float64(given) >= time.Since(start).Seconds()*offered {
				<-tick.C
			}
			select {
			case due <- struct{}{}:
			case <-end:
				return
			}
		}
	})
	return func() (float64, error) {
		rate := float64(count.Load()) / time.Since(start).Seconds()
		close(end)
		workers.Wait()
		return rate, errors.Join(faults...)
	}
}

// talkFlag makes this program a talker.
const talkFlag = "-talk"

// talk writes lines that say when they were written.
func talk(ms int, out io.Writer) error {
	tick := time.NewTicker(talkEach)
	defer tick.Stop()
	for range ms {
		<-tick.C
		if _, err := fmt.Fprintln(out, time.Now().UnixNano()); err != nil {
			return err
		}
	}
	return nil
}
