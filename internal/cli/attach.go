package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// attachCommand is "cloudops attach": its flags.
type attachCommand struct {
	*program

	tail             string
	noStdin          bool
	raw, plain, hush bool
}

// detachKey is Ctrl-], which telnet has taught.
const detachKey = 0x1d

func (p *program) attachCommand() *cobra.Command {
	c := &attachCommand{program: p}
	cmd := p.idArgs(&cobra.Command{
		Use: "attach [FLAGS] ID", Short: "Be at an execution: see what it writes, and type at it",
		Long: `Shows the last lines and then what comes, and ends with the execution's exit code. Where
it reads what is typed (interactive), lines go there, and Ctrl-D ends its input.
Ctrl-C goes away, and the execution goes on.

One that has a terminal gets ours: keys as they are, Ctrl-C included, and our size.
Ctrl-] goes away.`,
		Example: `  cloudops attach @last
  cloudops attach --no-stdin 019a5c1e`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.attach(cmd.Context(), args) },
	}, needID)
	flags := cmd.Flags()
	flags.StringVarP(&c.tail, "tail", "n", "10", "begin with the last `N` lines")
	flags.BoolVar(&c.noStdin, "no-stdin", false, "type nothing at it")
	flags.BoolVar(&c.raw, "raw", false, "let output command the terminal: title, clipboard, screen")
	flags.BoolVar(&c.plain, "plain", false, "write text alone: no colours or other escape sequences")
	flags.BoolVarP(&c.hush, "quiet", "q", false, "say nothing about how the execution fares")
	return cmd
}

// errDetached is the cause of a context that the detach key has ended.
var errDetached = errors.New("detached")

func (c *attachCommand) attach(ctx context.Context, names []string) error {
	logs := &logsCommand{program: c.program, tail: c.tail, raw: c.raw, plain: c.plain, follow: true}
	w, err := logs.want()
	if err != nil {
		return err
	}
	ctx, stop := heeding(ctx)
	defer stop()
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	var result engine.Result
	err = c.withState(ctx, func(ctx context.Context, d stateDir) error {
		ids, err := resolve(ctx, d, names)
		if err != nil {
			return err
		}
		t := c.typist(ctx, d, ids[0], leave)
		if t.terminal != nil {
			logs.raw, w.none = true, true // it draws itself anew when it hears our size
		}
		if result, err = c.stay(ctx, d, t, logs, &w); err != nil && context.Cause(ctx) != nil && !c.hush {
			c.note("%s goes on; cloudops attach %s comes back", ids[0], ids[0])
		}
		return err
	})
	switch {
	case err != nil && errors.Is(context.Cause(ctx), errDetached):
		return nil
	case err != nil:
		return left(ctx, err)
	}
	var why error
	if result.Cause != engine.CauseExit && !c.hush {
		why = errors.New(oneLine(result.Error))
	}
	return exitWith(resultCode(&result), why)
}

// stay shows the execution's output until it has ended, and types meanwhile.
func (c *attachCommand) stay(ctx context.Context, d stateDir, t *typist, logs *logsCommand, w *wanted) (engine.Result, error) {
	if err := t.terminal.begin(); err != nil {
		return engine.Result{}, err
	}
	defer t.terminal.restore()
	if t.terminal != nil && !c.hush { // it is raw: a line begins where it is told to
		c.note("attached to %s; Ctrl-] goes away\r", t.id)
	}
	group := lifecycle.New()
	t.attend(group)
	v := logs.viewer([]engine.ID{t.id})
	told, err := tellPlans(ctx, d, []engine.ID{t.id})
	switch {
	case err != nil:
	case len(told.plans) > 0:
		err = logs.followPlans(ctx, d, told, v, w)
	default:
		err = v.whole(ctx, d, t.id, w, true)
	}
	v.flush()
	group.Stop(nil)
	group.Wait()
	if err != nil {
		return engine.Result{}, err
	}
	return d.Wait(ctx, t.id)
}

// typist types at an execution what is typed here.
type typist struct {
	api      engine.API
	id       engine.ID
	in       *os.File  // nil: nothing is typed
	terminal *terminal // ours, where the execution has one
	leave    context.CancelCauseFunc
}

// typist finds out how one may type at an execution.
func (c *attachCommand) typist(ctx context.Context, d stateDir, id engine.ID, leave context.CancelCauseFunc) *typist {
	t := &typist{api: d, id: id, leave: leave}
	in, ok := c.stdin.(*os.File)
	if !ok || c.noStdin || !isTerminal(in) {
		return t
	}
	ours := newTerminal(in)
	switch err := d.Resize(ctx, id, ours.size()); {
	case err == nil:
		t.in, t.terminal = in, ours
	case errors.Is(err, engine.ErrNoTerminal):
		t.in = in
	}
	return t
}

// typedMost is how many keys may wait while the execution reads nothing: so many can be
// typed before the detach key is not heard any more.
const typedMost = 256

// attend types, and tells what size our terminal has, until the group stops.
func (t *typist) attend(group *lifecycle.Group) {
	if t.in == nil {
		return
	}
	if t.terminal != nil {
		group.Go(t.terminal.guarded(func(ctx context.Context) { t.terminal.passSizes(ctx, t.api, t.id) }))
	}
	typed := make(chan []byte, typedMost)
	group.Go(t.terminal.guarded(func(ctx context.Context) { t.listen(ctx, typed) }))
	group.Go(t.terminal.guarded(func(ctx context.Context) { t.typeOn(ctx, typed) }))
}

// listen hears what is typed, up to the detach key where there is one. It closes typed
// at the end of the input.
func (t *typist) listen(ctx context.Context, typed chan<- []byte) {
	keys, err := newKeys(ctx, t.in)
	if err != nil {
		return // it can be looked at
	}
	defer keys.close()
	for {
		buffer := make([]byte, 1<<10)
		n, err := keys.Read(buffer)
		text := buffer[:n]
		if before, _, away := bytes.Cut(text, []byte{detachKey}); away && t.terminal != nil {
			t.leave(errDetached)
			text = before
		}
		if len(text) > 0 {
			select {
			case typed <- text:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				close(typed)
			}
			return
		}
	}
}

// typeOn passes on what was typed, for as long as the execution takes it.
func (t *typist) typeOn(ctx context.Context, typed <-chan []byte) {
	for {
		select {
		case text, ok := <-typed:
			if !ok {
				_ = t.api.CloseStdin(ctx, t.id) // it may have ended
				return
			}
			if _, err := t.api.WriteStdin(ctx, t.id, text); err != nil {
				return // it has ended, or reads nothing that is typed
			}
		case <-ctx.Done():
			return
		}
	}
}
