package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/escher-dbai/cloudops-engine/internal/daemon"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// serveCommand is "cloudops serve": its flags.
type serveCommand struct {
	*program

	config, socket, listen string
	logFormat, logLevel    string
	ephemeral, replace     bool
	notifier               daemon.Notifier
	log                    *slog.Logger
	level                  slog.LevelVar
	current                daemon.Config
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
signal kills it. HUP has it read its configuration again. --replace takes over from the
daemon that runs, where there is one, with its listeners and all that runs and waits; where
it cannot, that one goes on.`,
		Example: `  cloudops serve
  cloudops serve --socket $XDG_RUNTIME_DIR/engine/socket
  cloudops serve --listen 127.0.0.1:7443
  cloudops serve --replace`,
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
	flags.BoolVar(&c.replace, "replace", false, "take over from the daemon that runs")
	return cmd
}

func (c *serveCommand) serve(ctx context.Context) error {
	if t, err := c.target(); err != nil || !t.inUse { // the one in use is for who asks
		if err := c.here("serve"); err != nil {
			return err
		}
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // who read what we say may be gone long before us
	c.notifier = daemon.TakeNotifier()
	inherited, err := daemon.TakeListeners()
	if err != nil {
		return err
	}
	if c.current, err = c.settings(); err != nil {
		return err
	}
	c.setLevel(c.current.LogLevel)
	c.log = logger(c.stderr, c.current.LogFormat, styleOf(c.stderr, c.noColour).colour, &c.level)
	opening := daemon.Opening{Version: c.version, Logger: c.log, Inherited: inherited}
	before, err := c.succeed(ctx, &opening)
	if err != nil {
		return err
	}
	for first := true; ; first = false {
		d, err := daemon.Open(ctx, c.current, opening)
		if err != nil {
			return errors.Join(err, before.Close()) // which goes on
		}
		if first {
			c.present(ctx, d, before)
		}
		c.tell(ctx, daemon.NotifyReady)
		heir, err := c.until(ctx, d, signals)
		if heir == nil {
			c.tell(ctx, daemon.NotifyStopping)
			return errors.Join(err, c.end(ctx, d, signals))
		}
		ending, cancel := context.WithTimeout(ctx, c.current.DrainTime())
		opening.Inherited, err = d.HandOver(ending, heir, c.notifier)
		cancel()
		if err == nil {
			c.log.LogAttrs(ctx, slog.LevelInfo, "replaced", slog.Int("by", heir.PID))
			return nil
		}
		c.log.LogAttrs(ctx, slog.LevelError, "not replaced, and going on", slog.String("error", err.Error()))
	}
}

// succeed takes over from the daemon that runs, if it is to. What a service manager has
// opened is listened at in any case.
func (c *serveCommand) succeed(ctx context.Context, o *daemon.Opening) (*daemon.Inheritance, error) {
	if !c.replace {
		return nil, nil //nolint:nilnil // nothing is inherited
	}
	before, err := daemon.Succeed(ctx, c.current)
	if before == nil || err != nil {
		return nil, err
	}
	if len(o.Inherited) == 0 {
		o.Inherited = before.Listeners
	}
	if c.notifier.Socket == "" {
		c.notifier = before.Notifier
	}
	return before, nil
}

// present says where a daemon listens, and what it has found.
func (c *serveCommand) present(ctx context.Context, d *daemon.Daemon, before *daemon.Inheritance) {
	if err := before.Ready(); err != nil {
		c.log.LogAttrs(ctx, slog.LevelWarn, "the daemon before does not hear that it is replaced", slog.String("error", err.Error()))
	}
	for _, address := range d.Addresses() {
		say(c.stdout, "listening at %s\n", address)
	}
	c.noteDamage(d.Report())
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
	if runtime.GOOS == "windows" {
		dir, err := p.stateDirPath()
		return pipeOf(dir), err
	}
	runtimeDir := os.Getenv("XDG_RUNTIME_DIR")
	if filepath.IsAbs(runtimeDir) && cmp.Or(p.stateDirFlag, os.Getenv(stateVariable)) == "" {
		return filepath.Join(runtimeDir, "cloudops", socketName), nil
	}
	dir, err := p.stateDirPath()
	return filepath.Join(dir, socketName), err
}

// pipeOf is the name of the pipe of a state directory: short, and another for each.
func pipeOf(dir string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(dir)))
	return fmt.Sprintf(`\\.\pipe\cloudops-%x`, sum[:8])
}

const socketName = "cloudops.sock"

// tell tells the service manager.
func (c *serveCommand) tell(ctx context.Context, states ...string) {
	if err := c.notifier.Tell(ctx, states...); err != nil {
		c.log.LogAttrs(ctx, slog.LevelWarn, "the service manager does not listen", slog.String("error", err.Error()))
	}
}

// until serves until a signal ends it, or there is an heir.
func (c *serveCommand) until(ctx context.Context, d *daemon.Daemon, signals <-chan os.Signal) (*daemon.Heir, error) {
	watchdog := time.NewTicker(cmp.Or(c.notifier.Watchdog, time.Hour))
	defer watchdog.Stop()
	for {
		select {
		case <-watchdog.C:
			if d.Answers(ctx) && c.notifier.Watchdog > 0 {
				c.tell(ctx, daemon.NotifyAlive)
			}
		case heir := <-d.Heirs():
			c.log.LogAttrs(ctx, slog.LevelInfo, "handing over", slog.Int("to", heir.PID))
			return heir, nil
		case err := <-d.Failed():
			return nil, err
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				c.log.LogAttrs(ctx, slog.LevelInfo, "ending", slog.String("signal", nameOf(sig)))
				return nil, nil
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
		c.current = config
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
func (c *serveCommand) end(ctx context.Context, d *daemon.Daemon, signals <-chan os.Signal) error {
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.current.DrainTime())
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
	if err = errors.Join(err, hurried); err == nil && by != nil && c.current.Ephemeral {
		return exitWith(signalCode(by), nil)
	}
	return err
}
