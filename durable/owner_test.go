package durable_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// Who wants to be the owner hears who is, and whoever does not goes on beside it.
func TestOpen_HasOneOwnerWhoSaysWhoItIs(t *testing.T) {
	t.Parallel()
	dir := place(t)
	lock := filepath.Join(dir, "owner.lock")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	first := open(t, dir, durable.Config{Owner: true})
	pid := fmt.Sprintf("process %d ", os.Getpid())
	e, err := durable.Open(t.Context(), dir, durable.Config{Owner: true})
	if !errors.Is(err, durable.ErrNotOwner) || !strings.Contains(err.Error(), pid) || engine.Hint(err) == "" {
		t.Fatalf("a second owner: %v, %v; want ErrNotOwner of %s", e, err, pid)
	}
	if beside := open(t, dir, durable.Config{}); beside.Report().Owner {
		t.Error("there are two owners")
	}
	if err := os.WriteFile(lock, []byte("12345678901 and more than one would write"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := durable.Open(t.Context(), dir, durable.Config{Owner: true}); err == nil || !strings.Contains(err.Error(), "another process ") {
		t.Errorf("where nobody can say who: %v", err)
	}
	shut(t, first)
	second := open(t, dir, durable.Config{Owner: true})
	if text, err := os.ReadFile(lock); err != nil || string(text) != fmt.Sprintf("%d\n", os.Getpid()) || !second.Report().Owner {
		t.Errorf("the next owner wrote %q, %v", text, err)
	}
	if _, err := durable.Open(t.Context(), dir, durable.Config{Owner: true, Guest: true}); !errors.Is(err, engine.ErrInvalidConfig) {
		t.Errorf("an owner that is a guest: %v", err)
	}
}
