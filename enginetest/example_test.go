package enginetest_test

import (
	"context"
	"fmt"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

// A scripted runner has no process: the test says what one does.
func ExampleRunner() {
	r := &enginetest.Runner{Scripts: enginetest.Scripts{
		"deploy": {Prints: enginetest.Lines("building", "done"), Runs: time.Millisecond, ExitCode: 3},
	}}
	e, err := engine.New(engine.Config{Runner: r})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	id, err := e.Execute(ctx, engine.Request{Command: enginetest.Command("deploy")})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := e.Wait(ctx, id)
	fmt.Printf("%s, code %d, %q, %v\n", result.Status, result.ExitCode, result.Stdout, err)
	fmt.Println(e.Shutdown(ctx))
	// Output:
	// failed, code 3, "building\ndone\n", <nil>
	// <nil>
}
