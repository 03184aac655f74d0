//go:build unix

package engine_test

import (
	"syscall"
	"testing"
)

// fifo makes a pipe with a name, for a command to wait at.
func fifo(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}
