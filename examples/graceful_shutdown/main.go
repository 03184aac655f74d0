// Command graceful_shutdown ends in two phases when it is told to (Ctrl-C or TERM):
// what runs may end by itself for a while, then the rest is cancelled.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

const drain = 2 * time.Second

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	told, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	e, err := engine.New(engine.Config{})
	if err != nil {
		return err
	}
	var ids []engine.ID
	for _, text := range []string{"sleep 0.2; echo finished", "echo begun; exec sleep 600"} {
		id, err := e.Execute(ctx, engine.Request{Command: engine.Shell(text)})
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	fmt.Println("running; press Ctrl-C to end")
	<-told.Done()
	stop() // a second signal ends the program as usual

	fmt.Println("draining")
	draining, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	if err := e.Shutdown(draining); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	for _, id := range ids {
		result, err := e.Result(ctx, id)
		if err != nil {
			return err
		}
		fmt.Printf("%s, cause %s: %s", result.Status, result.Cause, result.Stdout)
	}
	return nil
}
