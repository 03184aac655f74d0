package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// scripted is a Runner without processes: what it is given has written its output
// and ended before Start returns. It makes many records in a short time.
type scripted struct {
	stdout []byte // in pieces of at most a pipe's size
	age    time.Duration
}

const pipeBytes = 64 << 10

// Start does it all.
func (s *scripted) Start(_ context.Context, l *engine.Launch) (engine.Control, error) {
	l.Started()
	for p := s.stdout; len(p) > 0; {
		n := min(len(p), pipeBytes)
		l.Journal.Append(engine.Stdout, p[:n])
		p = p[n:]
	}
	l.Ended(engine.Ending{Cause: engine.CauseExit, Ended: time.Now().Add(-s.age), Containment: "group"})
	return nothing{}, nil
}

// nothing controls what has ended.
type nothing struct{}

func (nothing) Stop(engine.Cause, engine.Actor) bool { return false }
func (nothing) Kill(engine.Cause, engine.Actor) bool { return false }

func (nothing) Stdin() engine.Stdin              { return nil }
func (nothing) Resize(engine.TerminalSize) error { return engine.ErrNoTerminal }
func (nothing) Extend(time.Duration) bool        { return false }

// recordsAtOnce is how many executions are asked for before the first is waited
// for.
const recordsAtOnce = 1000

// echo is the command of the records that are counted.
func echo() engine.Request { return engine.Request{Command: engine.Exec("echo", "hello", "world")} }

const echoed = "hello world\n"

// addRecords has n executions run and waits for their ends.
func addRecords(e *engine.Engine, n int) error {
	ctx := context.Background()
	ids := make([]engine.ID, 0, recordsAtOnce)
	for n > 0 {
		ids = ids[:0]
		for range min(n, recordsAtOnce) {
			id, err := e.Execute(ctx, echo())
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		for _, id := range ids {
			if _, err := e.Wait(ctx, id); err != nil {
				return fmt.Errorf("wait for %s: %w", id, err)
			}
		}
		n -= len(ids)
	}
	return nil
}

// quietEngine is one that forgets nothing by itself.
func quietEngine(r engine.Runner) (*engine.Engine, error) {
	return engine.New(engine.Config{
		Runner: r, MaxFinished: engine.Unlimited, Retention: time.Hour, NoAutoCleanup: true,
	})
}

// watchPeak calls f now and then until stop is called, which returns the highest
// value.
func watchPeak(f func() float64) (stop func() float64) {
	var all sync.WaitGroup
	var peak float64
	end := make(chan struct{})
	all.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			peak = max(peak, f())
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	})
	return func() float64 {
		close(end)
		all.Wait()
		return peak
	}
}
