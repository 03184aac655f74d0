//go:build unix

package engine

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestCommand_DoesNotWaitForThePipeThatIsItsScript(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe.sh")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Script(pipe).invocation("")
	if !errors.Is(err, ErrInvalidCommand) || !strings.Contains(err.Error(), "is not a regular file") {
		t.Errorf("got %v, want ErrInvalidCommand: not a regular file", err)
	}
	// Who names an interpreter has a reason to.
	if _, err := Script(pipe).Interpreter("sh").invocation(""); err != nil {
		t.Errorf("with an interpreter: %v", err)
	}
}
