// Command embed is the shortest program that runs a command, shows its output as it
// comes, and passes on its exit code.
package main

import (
	"context"
	"fmt"
	"os"

	engine "github.com/escher-dbai/cloudops-engine"
)

func main() {
	ctx := context.Background()
	e, err := engine.New(engine.Config{})
	exitOn(err)
	id, err := e.Execute(ctx, engine.Request{Command: engine.Shell("for i in 1 2 3; do echo line $i; sleep 0.2; done; exit 3")})
	exitOn(err)
	for event, err := range e.Watch(ctx, id, 0) {
		exitOn(err)
		if event.Kind == engine.StdoutWritten && !event.Partial {
			fmt.Printf("%s\n", event.Line)
		}
	}
	result, err := e.Wait(ctx, id)
	exitOn(err)
	exitOn(e.Shutdown(ctx))
	os.Exit(result.ExitCode)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(125)
	}
}
