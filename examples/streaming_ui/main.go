// Command streaming_ui gives batches of lines to an interface that leaves and comes back.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// stream puts lines into ui, which holds one batch: one that is not drawn yet grows.
func stream(ctx context.Context, e engine.API, id engine.ID, from engine.Cursor, ui chan []engine.Event) {
	defer close(ui)
	for event, err := range e.Watch(ctx, id, from) {
		if err == nil && event.Kind == engine.StdoutWritten && !event.Partial {
			var batch []engine.Event
			select {
			case batch = <-ui:
			default:
			}
			ui <- append(batch, event)
		}
	}
}

func main() {
	ctx := context.Background()
	e, err := engine.New(engine.Config{})
	exitOn(err)
	id, err := e.Execute(ctx, engine.Request{Command: engine.Shell("for i in $(seq 40); do echo line $i; sleep 0.01; done")})
	exitOn(err)
	var cursor engine.Cursor
	for _, most := range []int{10, 1000} { // it leaves, and comes back for the rest
		watching, leave := context.WithCancel(ctx)
		ui := make(chan []engine.Event, 1)
		go stream(watching, e, id, cursor, ui)
		for batch := range ui {
			fmt.Printf("%d lines from cursor %d on\n", len(batch), cursor)
			for _, event := range batch {
				fmt.Printf("%s\n", event.Line)
				cursor = event.Cursor // what was drawn does not come again
			}
			if most -= len(batch); most <= 0 {
				break
			}
			<-time.After(50 * time.Millisecond)
		}
		leave()
	}
	exitOn(e.Shutdown(ctx))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
