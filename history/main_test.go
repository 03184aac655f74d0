package history_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperVariable); dir != "" {
		os.Exit(helper(dir))
	}
	goleak.VerifyTestMain(m)
}

// full says whether the slow proofs run in full.
func full() bool { return os.Getenv("CLOUDOPS_TEST_FULL") == "1" }
