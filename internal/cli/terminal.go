package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/term"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// terminal is ours, while a command has one that ours stands for: keys go there as
// they are, and so does its size.
type terminal struct {
	in      *os.File
	changes chan os.Signal // its size may be another

	mu    sync.Mutex
	state *term.State // what to go back to; nil while it is not raw
}

func newTerminal(in *os.File) *terminal {
	return &terminal{in: in, changes: make(chan os.Signal, 1)}
}

// checkTyped says how a request that asks for a terminal or is typed at goes with the
// flags.
func (c *runCommand) checkTyped(r *engine.Request) error {
	switch {
	case c.tty && c.input != "":
		return fault("leave --tty away to hand input over, or --stdin to type",
			"--tty and --stdin are both given: a terminal with piped input cannot work, for it has no end of file")
	case c.tty && c.json:
		return fault("leave one of them away", "--tty shows what the command writes as it is, and --json does not")
	case c.plain && (c.tty || c.json || c.raw):
		return fault("leave one of them away", "--plain makes text of what the command writes, and --tty, --json and --raw leave it as it is")
	case c.detach:
		return c.checkDetached()
	case c.interactive:
		return fault("add --detach, and cloudops attach types there; --stdin - hands our stdin over", "--interactive is for --detach")
	case c.tty && !isTerminal(c.stdin):
		return fault("leave --tty away; --stdin - hands our input over", "--tty: our stdin is no terminal, and piped input has nobody who types")
	case !c.tty && r.Terminal != nil:
		return fault("--tty gives it ours", "the request asks for a terminal")
	case !c.tty && r.Interactive:
		return fault("--stdin - hands our stdin over, --tty our terminal", "the request is interactive, and nobody would write to it")
	}
	return nil
}

// openTerminal gives the request our terminal: its size, its kind, and as much time
// as whoever sits there takes.
func (c *runCommand) openTerminal(r *engine.Request, config *engine.Config) *terminal {
	in, ok := c.stdin.(*os.File)
	if !ok {
		return nil // checkTyped has refused it
	}
	t := newTerminal(in)
	size := t.size()
	r.Terminal = &size
	if _, given := r.Env[kindVariable]; !given && os.Getenv(kindVariable) != "" {
		r.Env = merged(r.Env, map[string]string{kindVariable: os.Getenv(kindVariable)})
	}
	if r.Timeout == 0 && config.DefaultTimeout == 0 {
		r.Timeout = cmp.Or(config.MaxTimeout, engine.Forever)
		config.MaxTimeout = r.Timeout
	}
	return t
}

const kindVariable = "TERM"

// size is the size of the terminal; zero where it does not know.
func (t *terminal) size() engine.TerminalSize {
	cols, rows, err := term.GetSize(int(t.in.Fd()))
	if err != nil {
		return engine.TerminalSize{}
	}
	return engine.TerminalSize{Rows: uint16(rows), Cols: uint16(cols)}
}

// begin hands the keys over: nothing is shown, edited or made a signal here any more.
func (t *terminal) begin() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	state, err := term.MakeRaw(int(t.in.Fd()))
	if err != nil {
		return about("--tty", err)
	}
	t.state = state
	signal.Notify(t.changes, sizeSignals()...)
	return nil
}

// restore undoes begin. To call it twice does no harm.
func (t *terminal) restore() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state == nil {
		return
	}
	signal.Stop(t.changes)
	_ = term.Restore(int(t.in.Fd()), t.state) // it may be gone
	t.state = nil
}

// again makes it raw once more after we were stopped and continued: the shell has
// had it meanwhile.
func (t *terminal) again() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != nil {
		_, _ = term.MakeRaw(int(t.in.Fd())) // what to go back to is known
	}
}

// attend passes keys and sizes on until the group stops.
func (t *terminal) attend(group *lifecycle.Group, e engine.API, id engine.ID) {
	if t == nil {
		return
	}
	group.Go(t.guarded(func(ctx context.Context) { t.passKeys(ctx, e, id) }))
	group.Go(t.guarded(func(ctx context.Context) { t.passSizes(ctx, e, id) }))
}

// guarded is f, which leaves the terminal as it was also where it panics.
func (t *terminal) guarded(f func(context.Context)) func(context.Context) {
	return func(ctx context.Context) {
		well := false
		defer func() {
			if !well {
				t.restore()
			}
		}()
		f(ctx)
		well = true
	}
}

// passKeys types at the command what is typed here.
func (t *terminal) passKeys(ctx context.Context, e engine.API, id engine.ID) {
	keys, err := newKeys(ctx, t.in)
	if err != nil {
		return // no descriptors: it can be looked at, and ended from elsewhere
	}
	defer keys.close()
	buffer := make([]byte, 4<<10)
	for {
		n, err := keys.Read(buffer)
		if n > 0 {
			if _, err := e.WriteStdin(ctx, id, buffer[:n]); err != nil {
				return // it has ended
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				_ = e.CloseStdin(ctx, id) // it may have ended
			}
			return
		}
	}
}

// passSizes tells the command what size it has.
func (t *terminal) passSizes(ctx context.Context, e engine.API, id engine.ID) {
	for {
		select {
		case sig := <-t.changes:
			if !isResize(sig) {
				t.again()
			}
			_ = e.Resize(ctx, id, t.size()) // it may have ended
		case <-ctx.Done():
			return
		}
	}
}
