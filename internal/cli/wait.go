package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// waitCommand is "cloudops wait": its flags.
type waitCommand struct {
	*program

	exitStatus, json, quiet bool
	timeout                 string
}

func (p *program) waitCommand() *cobra.Command {
	c := &waitCommand{program: p}
	cmd := p.idArgs(&cobra.Command{
		Use: "wait [FLAGS] ID…", Short: "Wait until executions have ended",
		Long: `Says of each how it ended, as it does. The exit code is 0 when all have, however
they did; with --exit-status it is that of the first named that has another than 0,
as run would end with, and 124 where --timeout was too short. Ctrl-C ends the waiting alone.`,
		Example: `  cloudops wait --exit-status @last && echo well
  cloudops wait --timeout 10m $(cloudops ps -q)`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.wait(cmd.Context(), args) },
	}, needIDs)
	flags := cmd.Flags()
	flags.BoolVar(&c.exitStatus, "exit-status", false, "exit as the execution did")
	flags.StringVar(&c.timeout, "timeout", "", "wait no longer than `DURATION`")
	flags.BoolVarP(&c.quiet, "quiet", "q", false, "say nothing")
	flags.BoolVar(&c.json, "json", false, "the results, one JSON object a line")
	return cmd
}

// errImpatient is the cause of a wait that --timeout has ended.
var errImpatient = errors.New("waited long enough")

func (c *waitCommand) wait(ctx context.Context, names []string) error {
	ctx, stop := heeding(ctx)
	defer stop()
	if c.timeout != "" {
		d, err := parseDuration(c.timeout)
		if err != nil {
			return about("--timeout", err)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, errImpatient)
		defer cancel()
	}
	err := c.withState(ctx, func(ctx context.Context, d stateDir) error {
		ids, err := resolve(ctx, d, names)
		if err != nil {
			return err
		}
		return c.waitAll(ctx, d, ids)
	})
	if err != nil && errors.Is(context.Cause(ctx), errImpatient) {
		return exitWith(exitTimeout, fault("cloudops ps shows what runs", "not all have ended within %s", c.timeout))
	}
	return left(ctx, err)
}

// waitAll waits for all at once, and says how each ended when it does.
func (c *waitCommand) waitAll(ctx context.Context, d stateDir, ids []engine.ID) error {
	codes, faults := make([]int, len(ids)), make([]error, len(ids))
	var speaking sync.Mutex
	group := lifecycle.New()
	for i, id := range ids {
		group.Go(func(context.Context) {
			r, err := d.Wait(ctx, id)
			if codes[i], faults[i] = resultCode(&r), err; err == nil {
				speaking.Lock()
				defer speaking.Unlock()
				faults[i] = c.tell(&r)
			}
		})
	}
	group.Wait()
	if err := errors.Join(faults...); err != nil {
		return err
	}
	for _, code := range codes {
		if c.exitStatus && code != 0 {
			return exitWith(code, nil)
		}
	}
	return nil
}

func (c *waitCommand) tell(r *engine.Result) error {
	switch {
	case c.json:
		return writeJSON(c.stdout, r)
	case !c.quiet:
		s := styleOf(c.stdout, c.noColour)
		say(c.stdout, "%s  %s%s\n", r.ID, s.status(r.Status)(string(r.Status)), endingText(r))
	}
	return nil
}

// endingText is what of an ending its status does not tell.
func endingText(r *engine.Result) string {
	after := " after " + brief(r.Duration.Round(time.Millisecond))
	switch {
	case r.Signal != "":
		return ", signal " + r.Signal + after
	case r.ExitCode >= 0:
		return fmt.Sprintf(", exit code %d", r.ExitCode) + after
	case r.Error != "": // which may be long
		return after + ": " + oneLine(r.Error)
	}
	return after
}
