// Command custom_handler hears of every event in a handler of its own, beside two
// ready ones.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/events"
)

// warnings counts lines on stderr by execution. It is called from one goroutine.
type warnings map[engine.ID]int

// HandleEvents is all that an engine.EventHandler needs.
func (w warnings) HandleEvents(batch []engine.Event) {
	for _, event := range batch {
		if event.Kind == engine.StderrWritten {
			w[event.ExecutionID]++
		}
	}
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	own, meter := warnings{}, events.Metrics()
	endings := events.Filter(events.JSONLines(os.Stdout), events.Select{Kinds: events.Endings()})
	fan := events.FanOut(own, meter, events.Console(os.Stdout, events.ConsoleOptions{}), endings)
	e, err := engine.New(engine.Config{Handler: fan})
	if err != nil {
		return err
	}
	id, err := e.Execute(ctx, engine.Request{Command: engine.Shell("echo working; echo careful >&2; echo very >&2")})
	if err != nil {
		return err
	}
	// The engine first, then what it hands events to: now all have heard everything.
	if err := errors.Join(e.Shutdown(ctx), fan.Close(ctx)); err != nil {
		return err
	}
	fmt.Printf("%d warnings, %d bytes on stdout\n", own[id], meter.Snapshot().Output.StdoutBytes)
	return nil
}
