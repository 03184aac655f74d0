package process_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// The system counts our own memory as that of a child, from before its exec: what a child is
// said to have used is its own, or nothing is said.
func TestUsage_HasNoMemoryOfOurs(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			table := openAs(t, c)
			_, tiny := start(t, table, sh(":"))
			within(t, "end", tiny.ended)
			if got := tiny.state.Usage.PeakBytes; got != 0 {
				t.Errorf("a shell that does nothing is said to have used %d bytes", got)
			}
			want := process.OwnPeak() + 32<<20
			_, large := start(t, table, fixture(t, "fills", fmt.Sprint("FILL=", want)))
			within(t, "end", large.ended)
			if got := large.state.Usage.PeakBytes; got < want && process.OwnPeak() < want {
				t.Errorf("one that used %d bytes is said to have used %d", want, got)
			}
		})
	}
}

// fillsFixture uses as much memory as it is told, and ends.
func fillsFixture() {
	var n int
	if _, err := fmt.Sscan(os.Getenv("FILL"), &n); err != nil {
		say(err)
		return
	}
	all := make([]byte, n)
	for i := 0; i < n; i += os.Getpagesize() {
		all[i] = 1
	}
	runtime.KeepAlive(all)
}
