package durable_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
	"github.com/escher-dbai/cloudops-engine/history"
)

// The figures that these are held against: what a command line tool does takes in a
// directory of many at most 1.2 times what it takes in an empty one, and 200 that run are
// taken up within 2 s.

const (
	manyRecords = 100_000
	manySealed  = 1_000
)

// BenchmarkOpen is what the command line does with a directory: "ps" opens it, lists what
// runs and closes it, "run" runs a command in the foreground and waits for its end.
func BenchmarkOpen(b *testing.B) {
	for _, d := range []struct {
		name string
		fill bool
	}{{"empty", false}, {"many", true}} {
		dir := filepath.Join(b.TempDir(), "state")
		visit(b, dir, true)
		if d.fill {
			fill(b, dir)
		}
		visit(b, dir, false) // whoever is the first of an hour cleans up
		for name, run := range map[string]bool{"ps": false, "run": true} {
			b.Run(name+"/"+d.name, func(b *testing.B) {
				for b.Loop() {
					visit(b, dir, run)
				}
			})
		}
	}
}

// BenchmarkOpen_Given is "ps" in the directory that DURABLE_BENCH_DIR names: one with a
// million records, say.
func BenchmarkOpen_Given(b *testing.B) {
	dir := os.Getenv("DURABLE_BENCH_DIR")
	if dir == "" {
		b.Skip("DURABLE_BENCH_DIR names no directory")
	}
	for b.Loop() {
		visit(b, dir, false)
	}
}

// BenchmarkOpen_Adopts is what the next owner takes to take up 200 that run.
func BenchmarkOpen_Adopts(b *testing.B) {
	const most = 200
	dir := filepath.Join(b.TempDir(), "state")
	c := durable.Config{Engine: engine.Config{MaxConcurrent: most}}
	open := func() *durable.Engine {
		e, err := durable.Open(b.Context(), dir, c)
		if err != nil {
			b.Fatal(err)
		}
		return e
	}
	e := open()
	var ids []engine.ID
	for range most {
		id, err := e.Execute(b.Context(), engine.Request{Command: engine.Exec("sleep", "600")})
		if err != nil {
			b.Fatal(err)
		}
		ids = append(ids, id)
	}
	for n := 0; n < most; <-time.After(time.Millisecond) {
		var err error
		if n, err = e.RunningCount(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		b.StopTimer()
		if err := e.Shutdown(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if e = open(); e.Report().Running != most {
			b.Fatalf("it found %+v", e.Report())
		}
	}
	for _, id := range ids {
		if err := e.Cancel(b.Context(), id, engine.Cancellation{Force: true}); err != nil {
			b.Error(err)
		}
	}
	for _, id := range ids {
		if _, err := e.Wait(b.Context(), id); err != nil {
			b.Error(err)
		}
	}
	if err := e.Shutdown(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// visit is one program of the command line.
func visit(b *testing.B, dir string, run bool) {
	b.Helper()
	keep := durable.Retention{For: engine.Forever, Count: engine.Unlimited}
	e, err := durable.Open(b.Context(), dir, durable.Config{Guest: true, Foreground: run, Retention: keep})
	if err != nil {
		b.Fatal(err)
	}
	if run {
		id, err := e.Execute(b.Context(), engine.Request{Command: engine.Exec("true")})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := e.Wait(b.Context(), id); err != nil {
			b.Fatal(err)
		}
	} else if _, err := e.List(b.Context(), engine.Filter{Status: []engine.Status{engine.Pending, engine.Running}}); err != nil {
		b.Fatal(err)
	}
	if err := e.Shutdown(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// fill makes a directory one that was used for long: the last of what the history knows
// have a folder, which is that of the one execution that ran.
func fill(b *testing.B, dir string) {
	b.Helper()
	visit(b, dir, false) // which seals it
	found, err := filepath.Glob(filepath.Join(dir, "sealed", "*", "*.zip"))
	if err != nil || len(found) != 1 {
		b.Fatal(found, err)
	}
	sealed, err := os.ReadFile(found[0])
	if err != nil {
		b.Fatal(err)
	}
	s, err := history.Open(b.Context(), dir, history.Config{Durability: history.ProcessDeath})
	if err != nil {
		b.Fatal(err)
	}
	const callers = 200
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for i := c; i < manyRecords; i += callers {
				id, err := keep(b, s, time.Now().Add(-time.Duration(manyRecords-i)*time.Second))
				if err == nil && i >= manyRecords-manySealed {
					err = os.WriteFile(filepath.Join(filepath.Dir(found[0]), id.String()+".zip"), sealed, 0o600)
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// keep has a history keep an execution that began at a time.
func keep(b *testing.B, s *history.Store, at time.Time) (engine.ID, error) {
	b.Helper()
	var id engine.ID
	binary.BigEndian.PutUint64(id[:], uint64(at.UnixNano()))
	a, err := engine.NewAcceptance(engine.Request{ID: id, Command: engine.Exec("echo", fmt.Sprint(at.Unix()))}, at, func(text string) string { return text })
	if err != nil {
		return id, err
	}
	if _, err := s.Accept(b.Context(), a); err != nil {
		return id, err
	}
	end := engine.Result{ID: id, Status: engine.Completed, Success: true, Cause: engine.CauseExit, AcceptedAt: at, StartedAt: at, CompletedAt: at.Add(time.Second)}
	return id, s.Note(b.Context(), engine.Change{ID: id, Status: engine.Running, At: at}, engine.Change{ID: id, Status: end.Status, Result: &end})
}
