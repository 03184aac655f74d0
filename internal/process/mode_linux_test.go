//go:build linux

package process_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// Both ways to look at a file say what the standard library says.
func TestFileMode_IsTheSameQuick(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	long := filepath.Join(dir, strings.Repeat("d", 200), strings.Repeat("f", 200))
	if err := os.Mkdir(filepath.Dir(long), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{filepath.Join(dir, "plain"): 0o640, filepath.Join(dir, "program"): 0o755, long: 0o711} {
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(long, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "plain"), filepath.Join(dir, "program"), long, link, dir, filepath.Join(dir, "missing"), "nul\x00here"} {
		info, missing := os.Stat(path)
		for _, quick := range []bool{false, true} {
			mode, err := process.FileMode(path, quick)
			if (err == nil) != (missing == nil) || errors.Is(err, fs.ErrNotExist) != errors.Is(missing, fs.ErrNotExist) {
				t.Errorf("%q, quick %v: %v, want %v", path, quick, err, missing)
			}
			if err == nil && mode != info.Mode()&(fs.ModeDir|fs.ModePerm) {
				t.Errorf("%q, quick %v: %v, want %v", path, quick, mode, info.Mode())
			}
		}
	}
}
