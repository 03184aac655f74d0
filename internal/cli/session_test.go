package cli_test

import (
	"errors"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

// A command that has written all it had ends at the moment at which we see that
// none of it can be written. Which of the two we hear first does not matter.
func TestRun_OutputThatCannotBeWrittenIsAnErrorHoweverSoonTheCommandEnds(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left on device")
	for range 64 {
		if got := cli.VerdictOfBoth(full); !errors.Is(got, full) {
			t.Fatalf("the program ends with %v, want %v", got, full)
		}
	}
}
