package cli

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/escher-dbai/cloudops-engine/internal/daemon"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// serveCommand is "cloudops serve": its flags.
type serveCommand struct {
	*program

	config, socket, listen string
	logFormat, logLevel    string
	ephemeral              bool
	notifier               daemon.Notifier
	log                    *slog.Logger
	level                  slog.LevelVar
}

func (p *program) serveCommand() *cobra.Command {
	c := &serveCommand{program: p}
	cmd := &cobra.Command{
		Use: "serve [FLAGS]", Short: "Serve the engine to other programs", Args: noArgs,
		Long: `Owns the state directory: starts what waits in its queue, and lets other programs use
the engine by Connect, gRPC and JSON. It listens at a socket for this user alone; --listen
opens a port besides, for those who have a token (cloudops token create).

TERM and Ctrl-C end it: it takes nothing more, what runs goes on, and the next one finds
it. With --ephemeral what runs may end within drain_ms, and is then asked to; a second
signal kills it. HUP has it read its configuration again.`,
		Example: `  cloudops serve
  cloudops serve --socket $XDG_RUNTIME_DIR/engine/socket
  cloudops serve --listen 127.0.0.1:7443`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.serve(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&c.config, "config", "", "configuration in `FILE`, YAML or JSON")
	flags.StringVar(&c.socket, "socket", "", "listen at `PATH`, in a folder of mode 0700")
	flags.StringVar(&c.listen, "listen", "", "listen at `HOST:PORT` too, for those who have a token")
	flags.StringVar(&c.logFormat, "log-format", "", "log as `auto|json|text`; auto is for people at a terminal")
	flags.StringVar(&c.logLevel, "log-level", "", "log from `debug|info|warn|error` on")
	flags.BoolVar(&c.ephemeral, "ephemeral", false, "keep nothing, and end what runs with the daemon")
	return cmd
}

func (c *serveCommand) serve(ctx context.Context) error {
	if err := c.here("serve"); err != nil {
		return err
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	c.notifier = daemon.TakeNotifier()
	inherited, err := daemon.TakeListeners()
	if err != nil {
		return err
	}
	config, err := c.settings()
	if err != nil {
		return err
	}
	c.setLevel(config.LogLevel)
	c.log = logger(c.stderr, config.LogFormat, styleOf(c.stderr, c.noColour).colour, &c.level)
	d, err := daemon.Open(ctx, config, daemon.Opening{Version: c.version, Logger: c.log, Inherited: inherited})
	if err != nil {
		return err
	}
	for _, address := range d.Addresses() {
		say(c.stdout, "listening at %s\n", address)
	}
	c.greet(d)
	c.tell(ctx, daemon.NotifyReady)
	err = c.until(ctx, d, signals)
	c.tell(ctx, daemon.NotifyStopping)
	return errors.Join(err, c.end(ctx, d, &config, signals))
}

// settings are what file, variables and flags say.
func (c *serveCommand) settings() (daemon.Config, error) {
	all, _, err := loadAll(c.config)
	if err != nil {
		return daemon.Config{}, err
	}
	config := daemon.Config{Engine: all.engine, Settings: all.daemon, Ephemeral: c.ephemeral}
	if config.StateDir, err = c.stateDirPath(); err != nil {
		return config, err
	}
	for name, value := range map[string]string{"log_format": c.logFormat, "log_level": c.logLevel} {
		if value == "" {
			continue
		}
		if err := config.Set(name, value); err != nil {
			return config, err
		}
	}
	config.Listen = cmp.Or(c.listen, config.Listen)
	config.Socket, err = c.socketPath(cmp.Or(c.socket, config.Socket))
	return config, err
}

// socketPath is where a daemon listens: at a path that somebody names, else in the
// directory that the system has for the sockets of a user. One of a state directory that
// is not the usual one has its socket there, so that who names the directory finds it.
func (p *program) socketPath(named string) (string, error) {
	if named != "" {
		return filepath.Abs(named)
	}
	runtimeDir := os.Getenv("XDG_RUNTIME_DIR")
	if filepath.IsAbs(runtimeDir) && cmp.Or(p.stateDirFlag, os.Getenv(stateVariable)) == "" {
		return filepath.Join(runtimeDir, "cloudops", socketName), nil
	}
	dir, err := p.stateDirPath()
	return filepath.Join(dir, socketName), err
}

const socketName = "cloudops.sock"

// greet says what was found in the state directory.
func (c *serveCommand) greet(d *daemon.Daemon) {
	r := d.Report()
	if r.HistorySetAside != "" {
		c.note("the history was damaged (%s): it is set aside in %s, and made anew of the folders: %s",
			oneLine(r.HistoryDamage), r.HistorySetAside, counted(r.Rebuilt, "execution", "executions"))
	}
	for _, damage := range r.Damaged {
		c.note("damaged, and left as it is: %s", oneLine(damage))
	}
}

// tell tells the service manager.
func (c *serveCommand) tell(ctx context.Context, states ...string) {
	if err := c.notifier.Tell(ctx, states...); err != nil {
		c.log.LogAttrs(ctx, slog.LevelWarn, "the service manager does not listen", slog.String("error", err.Error()))
	}
}

// until serves until a signal ends it.
func (c *serveCommand) until(ctx context.Context, d *daemon.Daemon, signals <-chan os.Signal) error {
	for {
		select {
		case err := <-d.Failed():
			return err
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				c.log.LogAttrs(ctx, slog.LevelInfo, "ending", slog.String("signal", nameOf(sig)))
				return nil
			}
			c.tell(ctx, daemon.Reloading()...)
			c.reload(ctx, d)
			c.tell(ctx, daemon.NotifyReady)
		}
	}
}

// reload reads the configuration again; where it is wrong, everything stays as it is.
func (c *serveCommand) reload(ctx context.Context, d *daemon.Daemon) {
	config, err := c.settings()
	var later []string
	if err == nil {
		later, err = d.Reload(config)
	}
	if err == nil {
		c.setLevel(config.LogLevel)
	}
	switch {
	case err != nil:
		c.log.LogAttrs(ctx, slog.LevelError, "the configuration stays as it was", slog.String("error", err.Error()))
	case len(later) > 0:
		c.log.LogAttrs(ctx, slog.LevelWarn, "the configuration was read; some of it is for the next start", slog.String("next_start", strings.Join(later, ", ")))
	default:
		c.log.LogAttrs(ctx, slog.LevelInfo, "the configuration was read")
	}
}

// end ends the daemon. A second signal kills what it waits for.
func (c *serveCommand) end(ctx context.Context, d *daemon.Daemon, config *daemon.Config, signals <-chan os.Signal) error {
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), config.DrainTime())
	defer cancel()
	var by os.Signal
	var hurried error
	group := lifecycle.New()
	group.Go(func(over context.Context) {
		select {
		case by = <-signals:
			cancel()
			hurried = d.Hurry(context.WithoutCancel(ctx))
		case <-over.Done():
		}
	})
	err := d.Shutdown(draining)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = nil // what did not end by itself was ended
	}
	group.Stop(nil)
	group.Wait()
	if err = errors.Join(err, hurried); err == nil && by != nil && config.Ephemeral {
		return exitWith(signalCode(by), nil)
	}
	return err
}
