package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/term"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// screen is what top shows, and what is done on it. Its fields are of the one goroutine
// that shows it.
type screen struct {
	*program

	api      engine.API
	every    time.Duration
	terminal *terminal
	out      *os.File

	lookout  lookout
	rows     []topRow
	selected engine.ID // zero: the first
	asking   string    // c or K: the question that the next key answers
	message  string
	failed   error
}

func newScreen(p *program, api engine.API, every time.Duration) *screen {
	in, _ := p.stdin.(*os.File) // top has seen that it is a terminal
	out, _ := p.stdout.(*os.File)
	return &screen{program: p, api: api, every: every, terminal: newTerminal(in), out: out}
}

// show shows the screen until somebody leaves it.
func (s *screen) show(ctx context.Context) error {
	for {
		open, err := s.live(ctx)
		if err != nil || open == (engine.ID{}) {
			return err
		}
		if err := s.output(ctx, open); err != nil {
			return err
		}
	}
}

// live is the table until somebody leaves it, or wants to see the output of one.
func (s *screen) live(ctx context.Context) (open engine.ID, err error) {
	if err := s.terminal.begin(); err != nil {
		return open, err
	}
	defer s.terminal.restore()
	defer say(s.out, "%s", leaveScreen)
	say(s.out, "%s", enterScreen)
	ctx, stop := heeding(ctx)
	defer stop()
	group := lifecycle.New()
	defer group.Wait()
	defer group.Stop(nil)
	keys := make(chan string)
	group.Go(s.guarded(func(ctx context.Context) { s.listen(ctx, keys) }))
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	s.look(ctx)
	for {
		s.draw()
		select {
		case <-ctx.Done():
			return open, left(ctx, ctx.Err())
		case key, ok := <-keys:
			if !ok {
				return open, nil // the terminal is gone
			}
			if open, leave := s.pressed(ctx, key); leave {
				return open, nil
			}
		case sig := <-s.terminal.changes:
			if !isResize(sig) {
				s.terminal.again()
				say(s.out, "%s", enterScreen)
			}
		case <-tick.C:
			s.look(ctx)
		}
	}
}

// guarded is f, which leaves the terminal as it was also where it panics.
func (s *screen) guarded(f func(context.Context)) func(context.Context) {
	return s.terminal.guarded(func(ctx context.Context) {
		well := false
		defer func() {
			if !well {
				say(s.out, "%s", leaveScreen)
			}
		}()
		f(ctx)
		well = true
	})
}

// look looks at what runs now.
func (s *screen) look(ctx context.Context) {
	var rows []topRow
	_, height := s.size()
	if rows, s.failed = s.lookout.look(ctx, s.api, height); s.failed != nil {
		return
	}
	before, _ := s.at()
	s.rows = rows
	if _, x := s.at(); x == nil { // it has ended: its neighbour is next
		s.choose(before)
	}
}

func (s *screen) size() (width, height int) { return sizeOf(s.out) }

// sizeOf is the size of a terminal, or the usual one.
func sizeOf(out *os.File) (width, height int) {
	width, height, err := term.GetSize(int(out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// listen hears keys, one at a time.
func (s *screen) listen(ctx context.Context, heard chan<- string) {
	defer close(heard)
	keys, err := newKeys(ctx, s.terminal.in)
	if err != nil {
		return
	}
	defer keys.close()
	buffer := make([]byte, 64)
	for {
		n, err := keys.Read(buffer)
		if err != nil {
			return
		}
		for typed := buffer[:n]; len(typed) > 0; {
			key := firstKey(typed)
			typed = typed[len(key):]
			select {
			case heard <- key:
			case <-ctx.Done():
				return
			}
		}
	}
}

// firstKey is the first key of what was typed: a letter, or a sequence for an arrow.
func firstKey(typed []byte) string {
	if len(typed) > 2 && typed[0] == '\x1b' && (typed[1] == '[' || typed[1] == 'O') {
		end := bytes.IndexFunc(typed[2:], func(r rune) bool { return r >= 0x40 && r <= 0x7e })
		if end >= 0 {
			return string(typed[:end+3])
		}
	}
	return string(typed[:1])
}

// pressed does what a key asks for. Leave says to leave the table, for the output of
// open where that is one.
func (s *screen) pressed(ctx context.Context, key string) (open engine.ID, leave bool) {
	if s.asking != "" {
		s.answered(ctx, key)
		return open, false
	}
	s.message = ""
	at, x := s.at()
	switch key {
	case "q", "\x03":
		return open, true
	case "\x1b[A", "\x1bOA", "k":
		s.choose(at - 1)
	case "\x1b[B", "\x1bOB", "j":
		s.choose(at + 1)
	case "\r", "\n":
		return s.selected, x != nil
	case "c", "K":
		if x != nil {
			s.asking = key
		}
	}
	return open, false
}

// at is which row is selected; nil where there is none.
func (s *screen) at() (int, *topRow) {
	for i := range s.rows {
		if s.rows[i].ID == s.selected {
			return i, &s.rows[i]
		}
	}
	return 0, nil
}

func (s *screen) choose(row int) {
	if len(s.rows) > 0 {
		s.selected = s.rows[min(max(row, 0), len(s.rows)-1)].ID
	}
}

// answered does what was asked about, if the answer is yes.
func (s *screen) answered(ctx context.Context, key string) {
	force := s.asking == "K"
	if s.asking = ""; key != "y" && key != "Y" {
		return
	}
	s.message = "asked it to end"
	if force {
		s.message = "killed it"
	}
	if err := s.api.Cancel(ctx, s.selected, engine.Cancellation{Force: force}); err != nil {
		s.message = oneLine(err.Error())
	}
	s.look(ctx)
}

// output shows what one wrote and writes, until it ends or Ctrl-C; then Enter goes back.
func (s *screen) output(ctx context.Context, id engine.ID) error {
	s.note("the output of %s; Ctrl-C goes back", id)
	heeded, stop := heeding(ctx)
	v := (&logsCommand{program: s.program}).viewer([]engine.ID{id})
	err := v.whole(heeded, s.api, id, &wanted{bytes: true}, true)
	v.flush()
	by := context.Cause(heeded)
	stop()
	switch {
	case err == nil:
		s.note("it has ended; Enter goes back")
		return s.awaitEnter(ctx)
	case by == nil:
		s.message = oneLine(err.Error())
		return nil
	}
	return unlessCtrlC(by)
}

// unlessCtrlC is what the program ends with where a signal has ended the looking: Ctrl-C
// only goes back.
func unlessCtrlC(by error) error {
	if sent, ok := errors.AsType[*signalError](by); ok {
		if sent.sig == os.Interrupt {
			return nil
		}
		return exitWith(signalCode(sent.sig), nil)
	}
	return by
}

func (s *screen) awaitEnter(ctx context.Context) error {
	ctx, stop := heeding(ctx)
	defer stop()
	keys, err := newKeys(ctx, s.terminal.in)
	if err != nil {
		return err
	}
	defer keys.close()
	_, err = keys.Read(make([]byte, 256)) // the terminal gives whole lines
	if by := context.Cause(ctx); by != nil {
		return unlessCtrlC(by)
	}
	return err
}
