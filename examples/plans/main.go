// Plans runs a plan from a file and tells what becomes of its commands:
//
//	go run ./examples/plans examples/plans/diamond.json
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	engine "github.com/escher-dbai/cloudops-engine"
)

func main() {
	if len(os.Args) != 2 {
		_, _ = fmt.Fprintln(os.Stderr, "usage: plans FILE")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1], os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, path string, out io.Writer) error {
	data, err := os.ReadFile(path) //nolint:gosec // it reads the file that it is told
	if err != nil {
		return err
	}
	p, err := engine.ParsePlan(data)
	if err != nil {
		return err
	}
	e, err := engine.New(engine.Config{})
	if err != nil {
		return err
	}
	defer e.Shutdown(ctx) //nolint:errcheck // the plan has ended
	id, err := e.ExecutePlan(ctx, p)
	if err != nil {
		return err
	}
	for ev, err := range e.Watch(ctx, id, 0) {
		if err != nil {
			return err
		}
		if p := ev.Progress; p != nil {
			_, _ = fmt.Fprintf(out, "%d of %d: %s %s\n", p.Completed, p.Total, p.CurrentCommand, p.State)
		}
	}
	r, err := e.Result(ctx, id)
	if err != nil {
		return err
	}
	for _, c := range r.Plan.Results {
		if !c.Success && c.Error != "" {
			failed, err := e.Result(ctx, c.ID)
			_, _ = fmt.Fprintf(out, "%s: %s\n%s", c.Name, c.Error, failed.Stderr)
			if err != nil {
				return err
			}
		}
	}
	if !r.Success {
		return errors.New(r.Error)
	}
	return nil
}
