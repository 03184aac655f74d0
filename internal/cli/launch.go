package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	engine "github.com/escher-dbai/cloudops-engine"
)

// checkDetached says how --detach goes with the other flags.
func (c *runCommand) checkDetached() error {
	switch {
	case c.noRecord:
		return fault("leave one of them away", "--detach and --no-record are both given: nobody could find it again")
	case c.json || c.raw || c.plain:
		return fault("cloudops logs has these flags", "--detach shows nothing of what it writes, and --json, --raw and --plain say how")
	case c.interactive && c.input != "":
		return fault("leave one of them away", "--interactive and --stdin are both given")
	}
	return nil
}

// checkHost says how a daemon elsewhere goes with the other flags.
func (c *runCommand) checkHost() error {
	t, err := c.target()
	switch {
	case err != nil || t.at == "":
		return err
	case c.noRecord:
		return fault("leave one of them away", "--host and --no-record are both given: a daemon records what it runs")
	case c.tty && !c.detach:
		return fault("add --detach, and cloudops attach is at its terminal", "--tty hands over our terminal, which a daemon cannot have")
	}
	return nil
}

// launch starts what was asked for where it outlives us, and prints its id.
func (c *runCommand) launch(ctx context.Context, r *engine.Request, config *engine.Config) error {
	if err := takeStdin(r); err != nil {
		return about("--stdin", err)
	}
	r.Interactive = r.Interactive || c.interactive
	if c.tty && r.Terminal == nil {
		r.Terminal = &engine.TerminalSize{}
		if r.Timeout == 0 && config.DefaultTimeout == 0 {
			r.Timeout = cmp.Or(config.MaxTimeout, engine.Forever) // as in the foreground
			config.MaxTimeout = r.Timeout
		}
	}
	d, err := c.openState(ctx, *config, false)
	if err != nil {
		return err
	}
	id, err := d.Execute(ctx, *r)
	if err == nil {
		say(c.stdout, "%s\n", id)
	}
	return errors.Join(err, d.Shutdown(ctx))
}

// takeStdin reads what the command is to read: whoever gave it may go, as we do.
func takeStdin(r *engine.Request) error {
	if r.StdinFrom == nil {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(r.StdinFrom, maxRequestBytes+1))
	switch {
	case err != nil:
		return err
	case len(data) > maxRequestBytes:
		return fault("have the command read the file itself", "%s", fmt.Sprintf("there are more than %d bytes of it", maxRequestBytes))
	}
	r.Stdin, r.StdinFrom = data, nil
	return nil
}
