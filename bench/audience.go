package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

const (
	liveReaders    = 1000
	audienceRounds = 7
	audienceCost   = 1.05 // of the time that the producer needs without readers
)

// audienceFigures are those of what readers cost who is read.
func audienceFigures(short bool) ([]figure, error) {
	mebibytes := 512
	if short {
		mebibytes /= 4
	}
	var l ledger
	for _, a := range audiences() {
		f := newFigure("SUB", "producer before "+a.name, "× alone", nil).within(0, audienceCost)
		if a.kind == lines80 && a.live > 0 {
			f = f.reported() // they have no processor of their own, and what reads the pipe waits its turn
		}
		l.add(ofAudience, mebibytes, a.name, f)
	}
	return l.figures, l.err
}

// audience is who reads one execution: some live, and one who takes the first piece and
// no more.
type audience struct {
	name    string
	live    int
	stalled bool
	kind    string
}

func audiences() []audience {
	return []audience{
		{"a stalled reader, full speed", 0, true, lines80},
		{"that and 1,000 live ones, 16 MB/s", liveReaders, true, paced},
		{"that and 1,000 live ones, full speed", liveReaders, true, lines80},
	}
}

// studyAudience has the same written with readers and without, turn by turn.
func studyAudience(mebibytes int) (map[string][]float64, error) {
	cli.Prepare()
	e, err := engine.New(engine.Config{})
	if err != nil {
		return nil, err
	}
	found := make(map[string][]float64)
	for round := range audienceRounds {
		for _, a := range audiences() {
			amount := mebibytes * mebi
			if a.kind == paced {
				amount /= 16
			}
			turns := []audience{{kind: a.kind}, a}
			if round%2 == 1 {
				slices.Reverse(turns)
			}
			took := make(map[bool]time.Duration)
			for _, turn := range turns {
				d, err := turn.attend(e, produced(turn.kind, amount))
				if err != nil {
					return nil, err
				}
				took[turn.stalled] = d
			}
			found[a.name] = append(found[a.name], took[true].Seconds()/took[false].Seconds())
		}
	}
	return found, e.Shutdown(context.Background())
}

// attend runs a producer before this audience, and returns how long it ran.
func (a *audience) attend(e *engine.Engine, what string) (time.Duration, error) {
	ctx := context.Background()
	path, args := producer(what)
	id, err := e.Execute(ctx, engine.Request{Command: engine.Exec(path, args...), CleanEnv: true, Redact: engine.RedactValues})
	if err != nil {
		return 0, err
	}
	var all sync.WaitGroup
	ended := make(chan struct{})
	faults := make([]error, a.live)
	for i := range a.live {
		all.Go(func() {
			total := int64(0)
			for o, err := range e.Output(ctx, id, 0) {
				if err != nil {
					faults[i] = err
					return
				}
				total += int64(len(o.Data)) + o.Skipped
			}
			faults[i] = complete(what, total)
		})
	}
	if a.stalled {
		all.Go(func() {
			for range e.Output(ctx, id, 0) {
				<-ended
				return
			}
		})
	}
	r, err := e.Wait(ctx, id)
	if err == nil && !r.Success {
		err = fmt.Errorf("%s: %s", what, r.Error)
	}
	close(ended)
	all.Wait()
	return r.Duration, errors.Join(err, errors.Join(faults...))
}
