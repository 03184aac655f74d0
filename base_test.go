package engine_test

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// In a process of its own, because what other tests have open is none of its
// business.
func TestEngine_LeavesNumbersAtTheirBase(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are counted in /proc/self/fd")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	helper := exec.CommandContext(t.Context(), self)
	helper.Env = append(os.Environ(), helperVariable+"=base", "TMPDIR="+t.TempDir())
	if out, err := helper.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}
