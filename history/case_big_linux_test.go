package history_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/history"
)

// RES-11: what it costs to open a history and to look at it does not grow with what it has.
// Counted is what is read, which is the same however busy the machine is. A million
// records in full. Not parallel: it counts what the whole process reads.
//
//nolint:paralleltest // see above
func TestRES11_BigHistory(t *testing.T) {
	few, many := 250, 4000
	if full() {
		few, many = 10_000, 1_000_000
	}
	small, big := readOf(t, few), readOf(t, many)
	if big > 2*small {
		t.Errorf("with %d records %d bytes are read, with %d it is %d", few, small, many, big)
	}
	if peak := fieldOf(t, "/proc/self/status", "VmHWM:"); full() && peak > 300<<10 {
		t.Errorf("it took %d KiB of memory", peak)
	}
}

// readOf is how many bytes are read to open a history of so many records, for a page of all
// and one of those that failed, and for one record. All are forgotten at the end.
func readOf(t *testing.T, records int) int {
	t.Helper()
	dir := place(t)
	s := open(t, dir, history.Config{Durability: history.ProcessDeath})
	fill(t, s, 0, records, false)
	closeStore(t, s)
	before := fieldOf(t, "/proc/self/io", "rchar:")
	s = open(t, dir, history.Config{})
	for _, f := range []engine.Filter{{Limit: 20}, {Limit: 5, Status: []engine.Status{engine.Failed}}} {
		if p, err := s.List(t.Context(), f); err != nil || len(p.Executions) != f.Limit {
			t.Errorf("a page has %d, %v", len(p.Executions), err)
		}
	}
	if _, err := s.Get(t.Context(), idOf(records/2)); err != nil {
		t.Error(err)
	}
	read := fieldOf(t, "/proc/self/io", "rchar:") - before
	if n, err := s.Delete(t.Context(), engine.Deletion{EndedBefore: time.Now()}); err != nil || n != records || total(t, s) != 0 {
		t.Errorf("%d of %d were forgotten, %v", n, records, err)
	}
	return read
}

// fieldOf is a field of what the system says of this process.
func fieldOf(t *testing.T, path, name string) (n int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(text, []byte(name))
	if _, err := fmt.Sscan(string(rest), &n); err != nil {
		t.Fatalf("%s has no %s: %v", path, name, err)
	}
	return n
}
