// Command standalone runs several commands at once with settings of its own, and
// says of each what became of it.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		if hint := engine.Hint(err); hint != "" {
			fmt.Fprintln(os.Stderr, "hint:", hint)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	e, err := engine.New(engine.Config{MaxConcurrent: 2, DefaultTimeout: time.Minute, Grace: 2 * time.Second})
	if err != nil {
		return err
	}
	var ids []engine.ID
	for _, request := range []engine.Request{
		{Command: engine.Exec("echo", "no shell: $HOME stays as it is")},
		{Command: engine.Shell("echo $GREETING >&2; exit 4"), Env: map[string]string{"GREETING": "good day"}},
		{Command: engine.Shell("sleep 60"), Timeout: 300 * time.Millisecond},
	} {
		id, err := e.Execute(ctx, request)
		if err != nil {
			return err // what can be known before the start is refused here
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		result, err := e.Wait(ctx, id)
		if err != nil {
			return err
		}
		fmt.Printf("%s, cause %s, exit code %d\n%s%s", result.Status, result.Cause, result.ExitCode, result.Stdout, result.Stderr)
	}
	stats, err := e.Stats(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%d completed, %d failed, %d timed out\n", stats.Completed, stats.Failed, stats.TimedOut)
	return e.Shutdown(ctx)
}
