// Command global_singleton uses the one engine of a program: made once, found from
// anywhere, one command at a time.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	engine "github.com/escher-dbai/cloudops-engine"
)

func main() {
	ctx := context.Background()
	_, err := engine.Global()
	fmt.Println("before InitGlobal:", errors.Is(err, engine.ErrNoGlobal))
	_, err = engine.InitGlobal(engine.Config{})
	exitOn(err)
	_, err = engine.InitGlobal(engine.Config{})
	fmt.Println("a second InitGlobal:", errors.Is(err, engine.ErrGlobalSet))

	var ids []engine.ID
	for _, name := range []string{"first", "second", "third"} {
		ids = append(ids, submit(ctx, name))
	}
	e, err := engine.Global()
	exitOn(err)
	var last engine.Result
	for i, id := range ids {
		result, err := e.Wait(ctx, id)
		exitOn(err)
		if i > 0 && result.StartedAt.Before(last.CompletedAt) {
			exitOn(errors.New("two ran at once"))
		}
		fmt.Print(result.Stdout)
		last = result
	}
	exitOn(e.Shutdown(ctx))
}

// submit is somewhere else in the program, and is not handed an engine.
func submit(ctx context.Context, name string) engine.ID {
	e, err := engine.Global()
	exitOn(err)
	id, err := e.Execute(ctx, engine.Request{Command: engine.Shell("sleep 0.1; echo " + name)})
	exitOn(err)
	return id
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
