package engine_test

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

func TestEngine_LeavesNumbersAtTheirBase(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are counted in /proc/self/fd")
	}
	alone(t, "base")
}

// That nothing is left of those who came and went, the numbers say while the engine lives.
func TestSUB07_Churn(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are counted in /proc/self/fd")
	}
	alone(t, "churn")
}

// alone has a helper do its work, in a process of its own: what other tests have open is
// none of its business.
func alone(t *testing.T, name string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	helper := exec.CommandContext(t.Context(), self)
	helper.Env = append(os.Environ(), helperVariable+"="+name, "TMPDIR="+t.TempDir())
	if out, err := helper.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}
