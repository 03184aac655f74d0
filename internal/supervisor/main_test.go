package supervisor_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/escher-dbai/cloudops-engine/internal/supervisor"
)

// helperVariable names what this binary does instead of testing.
const helperVariable = "SUPERVISOR_TEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helperVariable) != "unhooked" {
		supervisor.Main()
	}
	switch helper := os.Getenv(helperVariable); helper {
	case "":
		goleak.VerifyTestMain(unhurried{m})
	case "unhooked":
		_, err := supervisor.New(supervisor.Options{Dir: os.Args[1]})
		fmt.Fprintln(os.Stderr, err)
	case "engine":
		if err := beEngine(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		fmt.Fprintf(os.Stderr, "there is no helper %q\n", helper)
		os.Exit(2)
	}
}

// unhurried runs tests, and waits at their end for the supervisors that they have started. Each
// has a goroutine until it has gone, which may take longer than goleak waits: half a second.
type unhurried struct{ *testing.M }

// Run runs the tests.
func (u unhurried) Run() int {
	code := u.M.Run()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && goleak.Find() != nil; { // which waits a while
	}
	return code
}

// newRunner is a runner in a directory of the test.
func newRunner(t *testing.T, dir string) *supervisor.Runner {
	t.Helper()
	r, err := supervisor.New(supervisor.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}
