package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// session is one command in the foreground, or one plan: what it writes goes out, and
// signals come in.
type session struct {
	engine engine.API
	id     engine.ID
	what   string   // a command, or a plan: for messages
	view   planView // of a plan: who shows it; nil of a command
	actor  engine.Actor
	out    *outlet
	json   bool
	copies bool // it runs elsewhere: what it writes is read, and not handed over
	quiet  bool
	stderr io.Writer
	style  style

	terminal *terminal // handed over to the command; nil: it is not

	signals  chan os.Signal
	pipes    chan os.Signal   // SIGPIPE, which nobody receives
	by       os.Signal        // what cancelled it; nil: nothing did
	brokenBy error            // why our output cannot be written
	patience <-chan time.Time // set when the end was forced
}

func newSession(c *runCommand, config *engine.Config) *session {
	out := newOutlet(c.outgoing(c.stdout), c.outgoing(c.stderr))
	if c.json {
		out = newEventOutlet(guarded(c.stdout, c.raw), !config.BufferOutput)
	}
	return &session{
		what: "command",
		out:  out, json: c.json, quiet: c.quiet, stderr: c.stderr,
		style: styleOf(c.stderr, c.noColour), signals: make(chan os.Signal, 8), pipes: make(chan os.Signal, 1),
	}
}

// errStuck: the command is dead, and still its output could not be written.
var errStuck = errors.New("gave up writing output that nobody takes")

// afterForce is how long a forced end may take: longer than the engine gives a
// process that hangs in the kernel.
const afterForce = 8 * time.Second

// run starts the command and stays with it to the end. The engine is shut down
// afterwards.
func (s *session) run(ctx context.Context, r *engine.Request) (engine.Result, error) {
	s.actor = r.Actor
	if _, elsewhere := s.engine.(*remote); !elsewhere {
		r.Tee = s.out.tee
	} else if !s.json {
		s.copies = true
	}
	if err := s.terminal.begin(); err != nil {
		return engine.Result{}, errors.Join(err, s.engine.Shutdown(ctx))
	}
	defer s.terminal.restore()
	id, err := s.engine.Execute(ctx, *r)
	if err != nil {
		return engine.Result{}, errors.Join(err, s.engine.Shutdown(ctx))
	}
	s.id = id
	result, err := s.attend(ctx)
	if errors.Is(err, errStuck) {
		return result, err // the engine still waits to write
	}
	return result, errors.Join(err, s.engine.Shutdown(ctx))
}

// listen takes the signals that would end us: the command has a session of its
// own and would go on without us. One that we were started with ignored (nohup,
// a shell's background job) stays ignored. SIGPIPE is taken so that a reader who
// leaves is an error of a write, and not our death.
//
// It has to come before the engine is made: that catches ignored signals, so that
// commands do not inherit them, and then nobody can tell any more.
func (s *session) listen() {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(sig) {
			signal.Notify(s.signals, sig)
		}
	}
	signal.Notify(s.pipes, syscall.SIGPIPE)
}

// deaf undoes listen.
func (s *session) deaf() {
	signal.Stop(s.signals)
	signal.Stop(s.pipes)
}

// ending is what following a command to its end gave.
type ending struct {
	result engine.Result
	err    error
}

// attend stays with the command until it has ended.
func (s *session) attend(ctx context.Context) (engine.Result, error) {
	group := lifecycle.New()
	done := make(chan ending, 1)
	group.Go(s.terminal.guarded(func(context.Context) {
		result, err := s.follow(ctx)
		done <- ending{result, err}
	}))
	s.terminal.attend(group, s.engine, s.id)
	end := s.until(ctx, done)
	if !errors.Is(end.err, errStuck) { // else follow may hang on whoever reads us
		group.Stop(nil)
		group.Wait()
	}
	return end.result, end.err
}

// until listens until the command has ended, or we do not wait for it any more.
func (s *session) until(ctx context.Context, done <-chan ending) ending {
	for {
		select {
		case end := <-done:
			select {
			case err := <-s.out.broken: // both may have come at once
				s.brokenBy = cmp.Or(s.brokenBy, err)
			default:
			}
			return end
		case sig := <-s.signals:
			if s.patience != nil {
				return s.leave()
			}
			s.heard(ctx, sig)
		case err := <-s.out.broken:
			s.brokenBy = cmp.Or(s.brokenBy, err)
			s.cancel(ctx, false)
		case <-s.patience:
			return s.leave()
		}
	}
}

// leave goes although the command's end was not told: it was killed, and what it
// wrote cannot be written.
func (s *session) leave() ending {
	return ending{engine.Result{ID: s.id, Cause: engine.CauseCancel, Status: engine.Cancelled, ExitCode: -1}, errStuck}
}

// follow returns when the command has ended and all that it wrote is written.
func (s *session) follow(ctx context.Context) (engine.Result, error) {
	if s.view != nil {
		return s.followPlan(ctx)
	}
	if s.json {
		for event, err := range s.engine.Watch(ctx, s.id, 0) {
			if err != nil {
				return engine.Result{}, err
			}
			s.out.event(&event)
		}
	}
	if s.copies {
		if err := s.copyOutput(ctx); err != nil {
			return engine.Result{}, err
		}
	}
	result, err := s.engine.Wait(ctx, s.id)
	s.out.flush()
	return result, err
}

// copyOutput writes what is recorded of the output.
func (s *session) copyOutput(ctx context.Context) error {
	for out, err := range s.engine.Output(ctx, s.id, 0) {
		if err != nil {
			return err
		}
		if out.Skipped > 0 {
			s.note("not kept: %s of %s", sizeText(out.Skipped), out.Stream)
			continue
		}
		s.out.write(out.Stream, out.Data)
	}
	return nil
}

// heard does what a signal asks for: first to end the command, then to kill it.
// A third one is not heard: attend leaves.
func (s *session) heard(ctx context.Context, sig os.Signal) {
	force := s.by != nil || sig == syscall.SIGQUIT
	if sig == os.Interrupt && isTerminal(s.stderr) && !s.quiet && s.terminal == nil {
		say(s.stderr, "\n") // the terminal has shown ^C
	}
	switch {
	case s.by == nil && force:
		s.note("killing the %s", s.what)
	case s.by == nil && sig == os.Interrupt:
		s.note("asked the %s to end; Ctrl-C again kills it", s.what)
	case s.by == nil:
		s.note("%s: asked the %s to end; another signal kills it", nameOf(sig), s.what)
	default:
		s.note("killing the %s", s.what)
	}
	if s.by == nil {
		s.by = sig
	}
	s.cancel(ctx, force)
}

func (s *session) cancel(ctx context.Context, force bool) {
	if force {
		s.out.hurry()
		s.patience = time.After(afterForce)
	}
	_ = s.engine.Cancel(ctx, s.id, engine.Cancellation{Force: force, Actor: s.actor}) // it ended meanwhile
}

func nameOf(sig os.Signal) string {
	switch sig {
	case syscall.SIGTERM:
		return "TERM"
	case syscall.SIGHUP:
		return "HUP"
	case syscall.SIGQUIT:
		return "QUIT"
	}
	return sig.String()
}

// note tells how the command fares.
func (s *session) note(format string, args ...any) {
	before, after := "", "\n"
	if s.terminal != nil { // it is raw, and the command has the line
		before, after = "\r\n", "\r\n"
	}
	if !s.quiet {
		say(s.stderr, "%s%s %s%s", before, s.style.cyan("note:"), fmt.Sprintf(format, args...), after)
	}
}
