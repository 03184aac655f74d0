package durable_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// The history is damaged, and so is what would tell it how an execution ended. That one is
// lost and may be forgotten, and all the others are there.
func TestOpen_RebuildsPastADamagedExecution(t *testing.T) {
	t.Parallel()
	dir := place(t)
	e := open(t, dir, durable.Config{Guest: true})
	broken, whole := start(t, e, shell("echo broken")), start(t, e, shell("echo whole"))
	sealed := func() []string {
		files, _ := filepath.Glob(filepath.Join(dir, "sealed", "*", "*.zip"))
		return files
	}
	wait(t, e, broken)
	wait(t, e, whole)
	eventually(t, "both are sealed", func() bool { return len(sealed()) == 2 })
	shut(t, e)
	for _, path := range sealed() {
		if !strings.Contains(path, broken.String()) {
			continue
		}
		text, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, bytes.ReplaceAll(text, []byte(`"cause":"exit"`), []byte(`"cause":"????"`)), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "history.db"), []byte("scribbled over"), 0o600); err != nil {
		t.Fatal(err)
	}
	e = open(t, dir, durable.Config{Guest: true})
	if found := e.Report(); found.Rebuilt != 2 || !slices.Equal(found.Damaged, []string{broken.String()}) {
		t.Errorf("found %+v", found)
	}
	if r := wait(t, e, whole); r.Stdout != "whole\n" {
		t.Errorf("%+v", r)
	}
	if rec, err := e.Record(t.Context(), broken); err != nil || rec.Execution.Status != engine.Lost {
		t.Errorf("the damaged one is %s, %v", rec.Execution.Status, err)
	}
	if n, err := e.Delete(t.Context(), engine.Deletion{IDs: []engine.ID{broken}}); n != 1 || err != nil {
		t.Errorf("%d were forgotten, %v", n, err)
	}
}
