// Command outlive starts work that goes on when it ends. Its argument is a state
// directory. Run for the first time it starts a command and leaves at its first line; run
// again, it finds it and follows it to its end, from the first line on.
package main

import (
	"context"
	"fmt"
	"os"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

func main() {
	durable.Main()
	ctx := context.Background()
	e, err := durable.Open(ctx, os.Args[1], durable.Config{})
	exitOn(err)
	before, err := e.List(ctx, engine.Filter{Limit: 1})
	exitOn(err)
	var id engine.ID
	again := len(before.Executions) > 0
	if again {
		id = before.Executions[0].ID
	} else {
		id, err = e.Execute(ctx, engine.Request{Command: engine.Shell("for i in 1 2 3; do echo step $i; sleep 0.5; done; exit 3")})
		exitOn(err)
	}
	for event, err := range e.Watch(ctx, id, 0) {
		exitOn(err)
		if event.Kind == engine.StdoutWritten && !event.Partial {
			fmt.Printf("%s\n", event.Line)
			if !again {
				break
			}
		}
		if event.Result != nil {
			fmt.Println("exit code", event.Result.ExitCode)
		}
	}
	exitOn(e.Shutdown(ctx)) // what runs goes on
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err, engine.Hint(err))
		os.Exit(125)
	}
}
