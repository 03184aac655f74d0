//go:build unix

package cli_test

import (
	"context"
	"os"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/term"

	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

// However the program is left, whoever sits at the terminal can go on to use it.
func TestTerminal_IsRestoredAfterAPanic(t *testing.T) {
	t.Parallel()
	screen, keyboard, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = screen.Close() }()
	defer func() { _ = keyboard.Close() }()
	before := stateOf(t, keyboard)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not come through")
			}
		}()
		err := cli.OnTerminal(keyboard, func(context.Context) {
			if stateOf(t, keyboard) == before {
				t.Error("it is not raw meanwhile")
			}
			panic("as bad as it gets") //nolint:forbidigo // that is the case
		})
		t.Errorf("it came back: %v", err)
	}()
	if after := stateOf(t, keyboard); after != before {
		t.Errorf("it was %+v and is %+v", before, after)
	}
}

func stateOf(t *testing.T, f *os.File) term.State {
	t.Helper()
	state, err := term.GetState(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return *state
}
