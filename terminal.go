package engine

import (
	"cmp"
	"context"
	"slices"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// TerminalSize is the size of a terminal in characters. Zero fields mean 24 rows and
// 80 columns.
type TerminalSize struct {
	Rows uint16 `json:"rows"`
	Cols uint16 `json:"cols"`
}

// withDefaults has no zero field.
func (s TerminalSize) withDefaults() TerminalSize {
	return TerminalSize{Rows: cmp.Or(s.Rows, 24), Cols: cmp.Or(s.Cols, 80)}
}

// detail is the size as a note in a journal carries it.
func (s TerminalSize) detail() uint64 { return uint64(s.Rows)<<16 | uint64(s.Cols) }

func sizeOf(detail uint64) TerminalSize {
	return TerminalSize{Rows: uint16(detail >> 16), Cols: uint16(detail)}
}

func checkTerminal(r *Request) error {
	if r.Terminal != nil && !process.Terminals {
		return Advise(fault(ErrUnsupported, "terminal: %v", process.ErrNoTerminals), "leave terminal out")
	}
	if typed(r) && (len(r.Stdin) > 0 || r.StdinFrom != nil) {
		return Advise(fault(ErrInvalid, "stdin is given, and interactive or terminal as well: what is given can only be read from a pipe of its own"),
			"leave stdin out and write it with WriteStdin, or leave interactive and terminal out")
	}
	return nil
}

// typed reports whether stdin is written to while it runs.
func typed(r *Request) bool { return r.Interactive || r.Terminal != nil }

// onTerminal is how a command runs that has a terminal. Somebody sits there: a program
// or a shell may page and ask, and is told to end by HUP, as when a window is closed.
// The cloud tools stay as they are: what they print is for programs too.
func (inv invocation) onTerminal() invocation {
	if !process.Terminals {
		return inv // it is refused
	}
	inv.stopSignal = cmp.Or(inv.stopSignal, "HUP")
	if slices.Equal(inv.env, commonEnv()) {
		inv.env = []string{terminalType}
		return inv
	}
	inv.env = slices.Clone(inv.env)
	inv.env[slices.Index(inv.env, noTerminalType)] = terminalType
	return inv
}

// Resize changes the size of the terminal of an execution. See [API].
func (e *Engine) Resize(ctx context.Context, id ID, size TerminalSize) error {
	size = size.withDefaults()
	x, err := e.alive(ctx, id)
	if err != nil {
		return err
	}
	if !x.terminal {
		return fault(ErrNoTerminal, "execution %s", id)
	}
	x.steering.Lock()
	defer x.steering.Unlock()
	e.mu.Lock()
	control, same, ended := x.control, x.size == size, x.phase == over
	e.mu.Unlock()
	switch {
	case ended:
		return fault(ErrFinished, "execution %s", id)
	case same:
		return nil
	case control != nil:
		if err := control.Resize(size); err != nil {
			return e.unlessOver(x, err)
		}
	}
	e.mu.Lock()
	x.size = size
	e.mu.Unlock()
	e.remark(x, noteResized, size.detail())
	return nil
}
