package engine_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

// A program that does not call ReaperMain has no reapers: it would start itself as
// whatever it is. This test binary without the call is one.
func TestNew_RefusesAReaperWithoutItsHook(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	helper := exec.CommandContext(t.Context(), self)
	helper.Env = append(os.Environ(), helperVariable+"=unhooked")
	out, err := helper.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if want := "true call engine.ReaperMain at the top of main"; lines[0] != want && lines[0] != "true "+elsewhere {
		t.Errorf("asked for a reaper: %q, want %q", lines[0], want)
	}
	if lines[1] != "<nil>" {
		t.Errorf("asked for the best: %q", lines[1])
	}
}

// elsewhere is the hint on systems without reapers.
const elsewhere = "leave it out for the best that this machine has; cloudops doctor shows it"

// sayContainments says what becomes of an engine with a reaper, and of one with the
// strongest containment.
func sayContainments() {
	_, err := engine.New(engine.Config{Containment: engine.ContainmentReaper})
	_, _ = fmt.Fprintln(os.Stdout, errors.Is(err, engine.ErrUnsupported), engine.Hint(err))
	_, err = engine.New(engine.Config{})
	_, _ = fmt.Fprintln(os.Stdout, err)
}
