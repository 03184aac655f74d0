package cli_test

import (
	"strings"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

// Each state directory has a pipe of its own, however its name is written.
func TestPipeOf_IsOfTheDirectory(t *testing.T) {
	t.Parallel()
	one := cli.PipeOf(`D:\one\cloudops`)
	if !strings.HasPrefix(one, `\\.\pipe\cloudops-`) || len(one) != len(`\\.\pipe\cloudops-`)+16 {
		t.Errorf("it is %q", one)
	}
	if one != cli.PipeOf(`d:\ONE\cloudops`) || one == cli.PipeOf(`D:\two\cloudops`) {
		t.Error("it is not that of the directory")
	}
}
