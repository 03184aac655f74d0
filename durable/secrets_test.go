package durable_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

const secret = "SECRETabc123XYZ"

// look looks for the secret in all files of a directory.
func look(t *testing.T, dir, when string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("%s the secret is in %s", when, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What AddSecrets adds is nowhere in the directory afterwards, neither of what runs nor of
// what waits, which the next owner starts with it.
func TestAddSecrets_LeavesNothingInTheDirectory(t *testing.T) {
	t.Parallel()
	dir := place(t)
	path, open1 := gate(t)
	first := open(t, dir, durable.Config{Engine: engine.Config{MaxConcurrent: 1}})
	r := engine.Request{Command: engine.Exec("sh", "-c", `echo before; until [ -e "$1" ]; do sleep 0.02; done; echo "it is $2"`, "sh", path, secret)}
	r.Metadata.Tags = map[string]string{"label": secret}
	runs, waits := start(t, first, r), start(t, first, r)
	running(t, first, runs)
	for _, id := range []engine.ID{runs, waits} {
		if err := first.AddSecrets(t.Context(), id, secret); err != nil {
			t.Fatal(err)
		}
	}
	shut(t, first)
	look(t, dir, "between two owners")
	open1()
	second := open(t, dir, durable.Config{})
	for _, id := range []engine.ID{runs, waits} {
		if got := wait(t, second, id); got.Stdout != "before\nit is [REDACTED]\n" {
			t.Errorf("it ended as %+v", got)
		}
	}
	shut(t, second)
	look(t, dir, "at the end")
}
