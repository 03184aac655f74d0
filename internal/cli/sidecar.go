package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
	"github.com/escher-dbai/cloudops-engine/rpc"
	"github.com/escher-dbai/cloudops-engine/sidecar"
)

// sidecarCommand is "cloudops sidecar": its flags.
type sidecarCommand struct {
	*program

	durable, noHello bool
	connect, onExit  string
	parent, window   int
}

func (p *program) sidecarCommand() *cobra.Command {
	c := &sidecarCommand{program: p}
	cmd := &cobra.Command{
		Use: "sidecar [FLAGS]", Short: "Be the engine of a program, over stdin and stdout", Args: noArgs,
		Long: `Speaks JSON-RPC 2.0 over stdin and stdout, one JSON object a line: all that a daemon
does, for desktop shells and whoever else can start a program. docs/sidecar.md says what
it speaks. A line that is a request by itself is answered by its events and its result.

It ends when stdin does, when nobody reads stdout any more, when the process of
--parent-pid is gone, or by TERM. What it was asked for is cancelled then, and waited
for; a second signal kills it. What runs with --durable or --connect goes on.`,
		Example: `  cloudops sidecar --parent-pid $$
  cloudops sidecar --durable
  cloudops sidecar --connect unix://$XDG_RUNTIME_DIR/cloudops/cloudops.sock
  echo '{"command":{"type":"shell","command":"df -h"}}' | cloudops sidecar --no-hello`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.serve(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&c.durable, "durable", false, "run in the state directory: what runs outlives the sidecar")
	flags.StringVar(&c.connect, "connect", "", "use the daemon at `URL`: unix:///PATH, https://HOST")
	flags.StringVar(&c.onExit, "on-exit", "", "`WHAT` becomes of what was asked for and runs: cancel, or leave (default with --durable, --connect)")
	flags.IntVar(&c.parent, "parent-pid", 0, "end when process `PID` is gone")
	flags.IntVar(&c.window, "window", 16, "send at most `N` batches that were not acknowledged; 0: no bound but the pipe")
	flags.BoolVar(&c.noHello, "no-hello", false, "leave the first frame out, for callers of the original's bridge")
	return cmd
}

// check says how the flags go together, and fills in what follows from others.
func (c *sidecarCommand) check() error {
	outlives := c.durable || c.connect != ""
	switch {
	case c.durable && c.connect != "":
		return fault("leave one of them away", "--durable and --connect are both given")
	case c.hostFlag != "":
		return fault("--connect says which daemon", "--host is not for sidecar")
	case c.onExit == "" && outlives:
		c.onExit = string(sidecar.Leave)
	case c.onExit == "":
		c.onExit = string(sidecar.Cancel)
	}
	switch {
	case c.onExit != string(sidecar.Leave) && c.onExit != string(sidecar.Cancel):
		return fault("cancel or leave", "--on-exit: %q is not what it takes", clip(c.onExit))
	case c.onExit == string(sidecar.Leave) && !outlives:
		return fault("add --durable", "--on-exit leave: what runs in the sidecar itself ends with it")
	case c.parent < 0:
		return fault("the pid of the program that the sidecar is for", "--parent-pid: %d is no process", c.parent)
	case c.window < 0:
		return fault("0 is no bound", "--window: %d is not what it takes", c.window)
	}
	return nil
}

func (c *sidecarCommand) serve(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	pipes := make(chan os.Signal, 1) // a host that has gone is an error of the write, and no signal
	signal.Notify(pipes, syscall.SIGPIPE)
	defer signal.Stop(pipes)
	log := slog.New(slog.NewTextHandler(c.stderr, nil))
	e, kind, err := c.engine(ctx)
	if err != nil {
		return err
	}
	ctx, hurry, stop := c.until(ctx, signals)
	h := rpc.New(e, rpc.Config{Version: c.build().Version, Logger: log})
	err = sidecar.Serve(ctx, c.stdin, c.stdout, sidecar.Config{
		Engine: e, Service: h.Service(), Streams: h, Version: c.build().Version, Kind: kind, Quiet: c.noHello,
		Window: windowOf(c.window), OnExit: sidecar.OnExit(c.onExit), Hurry: hurry, Logger: log,
	})
	stop()
	h.Close()
	over, cancel := context.WithCancel(context.WithoutCancel(ctx))
	cancel()
	if down := e.Shutdown(over); down != nil && !errors.Is(down, context.Canceled) {
		err = errors.Join(err, down)
	}
	if errors.Is(err, syscall.EPIPE) {
		return nil // whom it was for has gone, which is an end as good as any
	}
	return err
}

// windowOf is the window as a session takes it, where zero is the default.
func windowOf(flag int) int {
	if flag == 0 {
		return -1
	}
	return flag
}

// engine opens what runs the commands, and says where that is.
func (c *sidecarCommand) engine(ctx context.Context) (e engine.API, kind string, err error) {
	all, _, err := loadAll("")
	if err != nil {
		return nil, "", err
	}
	config := all.engine
	switch {
	case c.connect != "":
		e, err = dialDaemon(ctx, c.connect)
		return e, "remote", err
	case c.durable:
		dir, err := c.stateDirPath()
		if err != nil {
			return nil, "", err
		}
		e, err = c.open(ctx, opening{dir: dir, config: config, lasting: true})
		return e, "durable", err
	}
	if runtime.GOOS == "linux" && config.Containment == engine.ContainmentAuto {
		config.Containment = engine.ContainmentReaper // alone of all it ends what runs when we are killed
	}
	e, err = engine.New(config)
	return e, "process", err
}

// daemonEngine is a daemon that was reached.
type daemonEngine struct {
	*remote

	able engine.Capabilities
}

// Capabilities are those of its machine.
func (d *daemonEngine) Capabilities() engine.Capabilities { return d.able }

// reconnect is how long a daemon may be away, once it was reached.
const reconnect = 30 * time.Second

// dialDaemon reaches the daemon that somebody names.
func dialDaemon(ctx context.Context, at string) (*daemonEngine, error) {
	t := namedHost(at, "--connect")
	r, err := dialHost(&t, reconnect, hostTLS{})
	if err != nil {
		return nil, err
	}
	d, err := r.Daemon(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--connect %s: %w", clip(at), err), r.Shutdown(ctx))
	}
	return &daemonEngine{r, d.Capabilities}, nil
}

// until is a context that ends with the host, or by a signal; another signal closes hurry.
func (c *sidecarCommand) until(ctx context.Context, signals <-chan os.Signal) (_ context.Context, hurry <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	hurried := make(chan struct{})
	group := lifecycle.New()
	group.Go(func(over context.Context) {
		for n := range 2 {
			select {
			case sig := <-signals:
				if n > 0 {
					close(hurried)
				}
				cancel(&signalError{sig})
			case <-over.Done():
				return
			}
		}
	})
	group.Go(func(over context.Context) {
		if err := hostGone(over, c.parent, c.stdout); err != nil {
			cancel(err)
		}
	})
	return ctx, hurried, func() {
		group.Stop(nil)
		group.Wait()
		cancel(nil)
	}
}

// The causes by which a host has gone.
var (
	errParentGone = errors.New("the process of --parent-pid is gone")
	errNoReader   = errors.New("nobody reads stdout any more")
)
