package supervisor_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Sockets that nobody listens at any more are removed when a runner is made, but for
// those that are only just made; one where somebody listens stays.
func TestNew_RemovesSocketsOfTheDead(t *testing.T) { // not parallel: it has an environment of its own
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	newRunner(t, t.TempDir()) // makes the folder
	folders, err := filepath.Glob(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "cloudops-*"))
	if err != nil || len(folders) != 1 {
		t.Skipf("the path of the test is too long for sockets: %v, %v", folders, err)
	}
	hour := time.Now().Add(-time.Hour)
	for name, old := range map[string]bool{"dead": true, "fresh": false, "alive": true} {
		path := filepath.Join(folders[0], name)
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		if old {
			if err := os.Chtimes(path, hour, hour); err != nil {
				t.Fatal(err)
			}
		}
		l.SetUnlinkOnClose(false)
		if name == "alive" {
			t.Cleanup(func() { _ = l.Close() })
		} else if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	newRunner(t, t.TempDir())
	for name, there := range map[string]bool{"dead": false, "fresh": true, "alive": true} {
		if _, err := os.Stat(filepath.Join(folders[0], name)); errors.Is(err, fs.ErrNotExist) == there {
			t.Errorf("%s: want there %t, got %v", name, there, err)
		}
	}
}
