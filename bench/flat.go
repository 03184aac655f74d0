package main

import (
	"context"
	"fmt"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

const (
	flatWarm    = 256 * mebi // by then the record is full, and the collector at work
	flatSlack   = 10         // MiB
	flatEach    = 20 * time.Millisecond
	flatDefault = 2000 // MB
	kibi        = 1024
)

// flatFigures are those of the memory of a process while a command writes on and on.
func flatFigures(megabytes int) ([]figure, error) {
	if megabytes <= 0 {
		megabytes = flatDefault
	}
	var l ledger
	l.add(ofFlat, megabytes, "grown", newFigure("flat", fmt.Sprintf("resident memory, over %d MB of output", megabytes), " MiB more", nil).within(0, flatSlack))
	l.add(ofFlat, megabytes, "resident", newFigure("flat", "the most of it", " MiB", nil))
	return l.figures, l.err
}

// studyFlat reads one command to its end, and looks at the memory of this process: from
// when the record is full, how much higher does it get?
func studyFlat(megabytes int) (map[string][]float64, error) {
	cli.Prepare()
	e, err := engine.New(engine.Config{})
	if err != nil {
		return nil, err
	}
	what := produced(lines80, megabytes*mega)
	path, args := producer(what)
	ctx := context.Background()
	id, err := e.Execute(ctx, engine.Request{Command: engine.Exec(path, args...), CleanEnv: true})
	if err != nil {
		return nil, err
	}
	var base, most float64 // KiB
	total := int64(0)
	next := time.Now()
	for o, err := range e.Output(ctx, id, 0) {
		if err != nil {
			return nil, err
		}
		total = int64(o.Cursor)
		if total < flatWarm || time.Now().Before(next) {
			continue
		}
		next = time.Now().Add(flatEach)
		now := thisProcess().resident
		if base == 0 {
			base = now
		}
		most = max(most, now)
	}
	if total < amountOf(what) || base == 0 {
		return nil, fmt.Errorf("%s: %d bytes came", what, total)
	}
	return map[string][]float64{"grown": {(most - base) / kibi}, "resident": {most / kibi}}, e.Shutdown(ctx)
}
