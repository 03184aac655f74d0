package history_test

import (
	"os"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/history"
)

// openFiles are the descriptors of this process below a directory.
func openFiles(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(name, dir) {
			names = append(names, name)
		}
	}
	return names
}

func TestClose_LeavesNothingOpen(t *testing.T) {
	t.Parallel()
	dir := place(t)
	s := open(t, dir, history.Config{})
	id := accept(t, s, engine.Request{Command: engine.Exec("true")})
	if _, err := s.Get(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if len(openFiles(t, dir)) < 3 {
		t.Error("nothing is open before: this proves nothing")
	}
	closeStore(t, s)
	if left := openFiles(t, dir); len(left) > 0 {
		t.Errorf("open after Close: %v", left)
	}
}
