package history_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/history"
)

// CRASH-05, CRASH-06: whatever a loss of power makes of the end of the log, what was written
// before is there, nothing is set aside, and what is accepted next stays.
func TestOpen_CRASH05_CRASH06_EndOfTheLog(t *testing.T) {
	t.Parallel()
	const have = 5
	dir := place(t)
	s := open(t, dir, history.Config{})
	for range have {
		accept(t, s, engine.Request{Command: engine.Exec("true")})
	}
	crashed := copyOf(t, dir)
	closeStore(t, s)
	for name, c := range map[string]struct {
		damage func(log []byte) []byte
		want   int
	}{
		"as it was":           {bytes.Clone, have},
		"zeros behind it":     {func(log []byte) []byte { return append(bytes.Clone(log), make([]byte, 4096)...) }, have},
		"a page of zeros too": {func(log []byte) []byte { return append(bytes.Clone(log), make([]byte, 4096+24)...) }, have},
		"a byte is missing":   {func(log []byte) []byte { return log[:len(log)-1] }, have - 1},
		"a page is missing":   {func(log []byte) []byte { return log[:len(log)-4096] }, have - 1},
		"its end is zeros":    {func(log []byte) []byte { return append(bytes.Clone(log[:len(log)-100]), make([]byte, 100)...) }, have - 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copyOf(t, crashed)
			path := filepath.Join(dir, "history.db-wal")
			log, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, c.damage(log), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			s := open(t, dir, history.Config{})
			if n := total(t, s); n != c.want || s.Report() != (history.Report{}) {
				t.Errorf("%d are there, want %d; %+v", n, c.want, s.Report())
			}
			next := accept(t, s, engine.Request{Command: engine.Exec("true")})
			closeStore(t, s)
			s = open(t, dir, history.Config{})
			if _, err := s.Get(t.Context(), next); err != nil || total(t, s) != c.want+1 {
				t.Errorf("what was accepted afterwards: %v, of %d", err, total(t, s))
			}
		})
	}
}
