//go:build linux

package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

// account is what a reader got of what was produced.
type account struct{ delivered, skipped int64 }

// reads follows an execution to its end, and calls pause before each piece.
func reads(t *testing.T, e engine.API, id engine.ID, pause func()) (a account) {
	t.Helper()
	for o, err := range e.Output(context.WithoutCancel(t.Context()), id, 0) {
		if err != nil {
			t.Errorf("output: %v", err)
		}
		a.delivered += int64(len(o.Data))
		a.skipped += o.Skipped
		pause()
	}
	return a
}

// A reader that stands still while everything is written: it ends without
// waiting, and the reader is told what it was too late for.
func TestSUB01_ASlowReaderDoesNotSlowTheRun(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{MaxOutputBytes: 1 << 20})
	id := start(t, e, bash(`seq 1 "$1"`, fmt.Sprint(times(1_000_000, 300_000))))
	var r engine.Result
	a := reads(t, e, id, func() {
		if r.ID != id {
			r = end(t, e, id) // would hang, if the run waited for this reader
		}
	})
	if produced := r.Output.StdoutBytes; !r.Success || a.delivered+a.skipped != produced || a.skipped == 0 {
		t.Errorf("%s: %d delivered and %d skipped, of %d", r.Status, a.delivered, a.skipped, produced)
	}
}

// A reader that never reads on costs what the record keeps, and no more.
func TestSUB02_AReaderThatNeverReads(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{MaxOutputBytes: 1 << 20})
	id := start(t, e, bash(`yes | head -c "$1"`, fmt.Sprint(times(1024, 32)<<20)))
	for _, err := range e.Output(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if r := end(t, e, id); !r.Success {
			t.Errorf("it ended as %s: %s", r.Status, r.Error)
		}
		break
	}
	if got := stats(t, e).OutputBytes; got > 2<<20 {
		t.Errorf("%d bytes are in memory", got)
	}
}

func TestSUB03_FiveThousandReaders(t *testing.T) {
	t.Parallel()
	const lines = 1000
	e, gate := open(t, engine.Config{}), filepath.Join(t.TempDir(), "gate")
	fifo(t, gate)
	id := start(t, e, bash(`read < "$1"; seq 1 1000`, gate))
	readers := times(5000, 500)
	var all, ready sync.WaitGroup
	ready.Add(readers)
	for i := range readers {
		all.Go(func() {
			seen, ended, once := 0, false, sync.OnceFunc(ready.Done)
			for ev, err := range e.Watch(t.Context(), id, 0) {
				if err != nil {
					t.Errorf("reader %d: %v", i, err)
				}
				if ev.Kind == engine.ExecutionStarted {
					once()
				}
				if ev.Kind == engine.StdoutWritten && !ev.Partial {
					seen++
				}
				ended = ev.Kind.Terminal()
			}
			if seen != lines || !ended {
				t.Errorf("reader %d got %d lines, the end: %v", i, seen, ended)
			}
		})
	}
	ready.Wait()
	if err := os.WriteFile(gate, []byte("\n"), 0); err != nil { // it is read only now
		t.Fatal(err)
	}
	all.Wait()
}

// A thousand times somebody leaves in the middle and comes back with its cursor:
// joined, it is the whole, by bytes and by lines.
func TestSUB04_NoGapAndNoDoubleBetweenReplayAndLive(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	left := times(1000, 200)
	for leaves := 0; leaves < left; {
		id := start(t, e, bash(`for i in {1..3000}; do echo "line $i"; echo "oops $i" >&2; done; printf end`))
		r := rand.New(rand.NewPCG(uint64(leaves), 1))
		var bytes, lines [2]strings.Builder
		var both sync.WaitGroup
		gone := [2]int{}
		both.Go(func() { gone[0] = byBytes(t, e, id, r.IntN(100), &bytes) })
		both.Go(func() { gone[1] = byLines(t, e, id, &lines) })
		both.Wait()
		leaves += gone[0] + gone[1]
		result := end(t, e, id)
		for s, want := range []string{result.Stdout, result.Stderr} {
			if bytes[s].String() != want || lines[s].String() != want {
				t.Fatalf("stream %d: %d bytes by bytes, %d by lines, of %d", s, bytes[s].Len(), lines[s].Len(), len(want))
			}
		}
	}
}

// byBytes follows the bytes, leaves after a few pieces, and comes back, perhaps in
// the middle of a piece. It returns how often it left.
func byBytes(t *testing.T, e engine.API, id engine.ID, seed int, into *[2]strings.Builder) (left int) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(seed), 2))
	for at, ended := engine.Cursor(0), false; !ended; left++ {
		ended = true
		stay := 1 + r.IntN(4)
		for o, err := range e.Output(t.Context(), id, at) {
			if err != nil {
				t.Errorf("output from %d: %v", at, err)
			}
			part := o.Data
			if stay--; stay == 0 {
				part = part[:1+r.IntN(len(part))]
			}
			into[o.Stream].Write(part)
			at = o.Cursor - engine.Cursor(len(o.Data)-len(part))
			if stay == 0 {
				ended = false
				break
			}
		}
	}
	return left - 1
}

// byLines does so with lines. One without a newline may come again.
func byLines(t *testing.T, e engine.API, id engine.ID, into *[2]strings.Builder) (left int) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	for at, ended := engine.Cursor(0), false; !ended; left++ {
		stay := 1 + r.IntN(200)
		for ev, err := range e.Watch(t.Context(), id, at) {
			if err != nil {
				t.Errorf("watch from %d: %v", at, err)
			}
			at = ev.Cursor
			if ended = ev.Kind.Terminal(); ended {
				break
			}
			stream, isLine := map[engine.EventKind]engine.Stream{engine.StdoutWritten: engine.Stdout, engine.StderrWritten: engine.Stderr}[ev.Kind]
			if !isLine || ev.Partial {
				continue
			}
			into[stream].Write(ev.Line)
			if !ev.Unended {
				into[stream].WriteByte('\n')
			}
			if stay--; stay <= 0 && !ev.Unended {
				break
			}
		}
	}
	return left - 1
}

func TestSUB05_Accounting(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{MaxOutputBytes: 256 << 10})
	id := start(t, e, bash(`seq 1 "$1"; seq 1 1000 >&2`, fmt.Sprint(times(1_000_000, 200_000))))
	accounts := make([]account, 100)
	var all sync.WaitGroup
	for i := range accounts {
		all.Go(func() {
			accounts[i] = reads(t, e, id, func() {
				for range i * i { // as slow as each is
					runtime.Gosched()
				}
			})
		})
	}
	all.Wait()
	produced := end(t, e, id).Output
	for i, a := range accounts {
		if a.delivered+a.skipped != produced.StdoutBytes+produced.StderrBytes {
			t.Errorf("reader %d: %d delivered and %d skipped, of %d", i, a.delivered, a.skipped, produced.StdoutBytes+produced.StderrBytes)
		}
	}
}
