package history_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/history"
)

// RES-02: what cannot be written is not acknowledged; when there is room again, it
// goes on without a restart.
func TestStore_RefusesOnAFullDisk(t *testing.T) {
	if os.Getenv("CLOUDOPS_TEST_ROOT") != "1" {
		t.Skip("needs root: CLOUDOPS_TEST_ROOT=1")
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=2m,mode=700"); err != nil {
		t.Skip("cannot mount: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	s, err := history.Open(t.Context(), filepath.Join(disk, "history"), history.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	first := accept(t, s, engine.Request{Command: engine.Exec("true")})
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	var kept []engine.ID
	for i := 0; ; i++ {
		a := acceptance(t, engine.Request{Command: engine.Exec("echo", fmt.Sprint(i), strings.Repeat("x", 20_000))})
		_, err := s.Accept(context.WithoutCancel(t.Context()), a)
		if err != nil {
			if !errors.Is(err, engine.ErrStore) || !strings.Contains(engine.Hint(err), "space") || !engine.Retryable(err) {
				t.Fatalf("want ErrStore and a hint, got %v, %q", err, engine.Hint(err))
			}
			if _, err := s.Get(t.Context(), a.Execution.ID); !errors.Is(err, engine.ErrNotFound) {
				t.Errorf("the refused one: %v", err)
			}
			break
		}
		kept = append(kept, a.Execution.ID)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	kept = append(kept, first, accept(t, s, engine.Request{Command: engine.Exec("true")}))
	for _, id := range kept {
		if _, err := s.Get(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	if n := total(t, s); n != len(kept) {
		t.Errorf("%d are there, want %d", n, len(kept))
	}
}
