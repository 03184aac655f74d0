package supervisor_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/supervisor"
)

// No secret of a request reaches a file: neither from the launch, which has them all, nor
// from what the command writes.
func TestRunner_WritesNoSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := newEngine(t, newRunner(t, dir))
	secrets := []string{"hunter2-listed", "hunter2-by-name", "hunter2-on-stdin"}
	request := sh(`cat; echo "$DB_PASSWORD hunter2-listed"`)
	request.Env = map[string]string{"DB_PASSWORD": secrets[1]}
	request.Secrets, request.Stdin = []string{secrets[0], secrets[2]}, []byte(secrets[2]+"\n")
	id := start(t, e, request, "[REDACTED]")
	if result := wait(t, e, id); result.Stdout != "[REDACTED]\n[REDACTED] [REDACTED]\n" || result.Output.Masks != 3 {
		t.Errorf("it wrote %q, %d masks", result.Stdout, result.Output.Masks)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for _, secret := range secrets {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s has %s", path, secret)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A program that did not call Main is refused: it would start itself as whatever it is.
func TestNew_NeedsTheHook(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, t.TempDir())
	cmd.Env = append(os.Environ(), helperVariable+"=unhooked")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != supervisor.ErrNoHook.Error() {
		t.Errorf("want %v, got %s, %v", supervisor.ErrNoHook, out, err)
	}
}
