package process_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// What is left of a tree is ended by its mark; but not where the machine was started
// again, because then it is somebody else's.
func TestSearcher_EndsWhatIsLeft(t *testing.T) {
	t.Parallel()
	mark := unique(t)
	left := exec.CommandContext(t.Context(), "sleep", "600")
	left.Env = append(os.Environ(), mark)
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	var s process.Searcher
	elsewhere := process.Self()
	elsewhere.Boot = "another"
	if ended, _ := s.End(process.Trail{Mark: mark, Keeper: elsewhere}); ended != 0 {
		t.Errorf("after a reboot %d were ended", ended)
	}
	ended, rest := s.End(process.Trail{Mark: mark, Cgroup: "/sys/fs/cgroup/cloudops-none", Keeper: process.Self()})
	if ended != 1 || len(rest) != 0 {
		t.Errorf("want 1 ended, got %d, and %v left", ended, rest)
	}
	if err := left.Wait(); err == nil || left.ProcessState.Exited() {
		t.Errorf("it was not killed: %v", left.ProcessState)
	}
}
