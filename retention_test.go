package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

// wantGone checks which executions are expired and which are still there.
func wantGone(t *testing.T, e engine.API, gone, there []engine.ID) {
	t.Helper()
	for i, id := range gone {
		_, err := e.Result(t.Context(), id)
		if wantError(t, "one that was cleaned up", err, engine.ErrExpired); t.Failed() {
			t.Fatalf("number %d of %d", i, len(gone))
		}
	}
	for i, id := range there {
		if _, err := e.Get(t.Context(), id); err != nil {
			t.Fatalf("number %d of %d that should be there: %v", i, len(there), err)
		}
	}
}

func TestRetention_ByCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxFinished: 10}, nil)
		running := start(t, e, play("hang"))
		var ids []engine.ID
		for range 3000 { // more than fit in a segment of the shelf
			ids = append(ids, do(t, e, play("ok")).ID)
		}
		wantGone(t, e, ids[:2990], append(ids[2990:], running))
		if s := stats(t, e); s.Finished != 10 || s.Expired != 2990 || s.Running != 1 {
			t.Errorf("want 10 kept, 2990 expired and one running, got %+v", s)
		}
		_, err := e.Result(t.Context(), engine.ID{1})
		wantError(t, "one that never was", err, engine.ErrNotFound)
	})
}

func TestRetention_ByAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{Retention: time.Minute, MaxTimeout: engine.Forever}, nil)
		forever := play("hang")
		forever.Timeout = engine.Forever
		running := start(t, e, forever)
		old := do(t, e, play("ok")).ID
		pass(50 * time.Second)
		young := do(t, e, play("ok")).ID
		wantGone(t, e, nil, []engine.ID{old, young, running})
		pass(17 * time.Second) // the janitor is at most a tenth of the retention late
		wantGone(t, e, []engine.ID{old}, []engine.ID{young, running})
		pass(time.Hour)
		wantGone(t, e, []engine.ID{old, young}, []engine.ID{running})
	})
}

func TestRetention_OnDemandAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{Retention: time.Minute, MaxFinished: 3, NoAutoCleanup: true}, nil)
		var ids []engine.ID
		for range 5 {
			ids = append(ids, do(t, e, play("ok")).ID)
		}
		pass(time.Hour)
		wantGone(t, e, nil, ids)
		if n, err := e.Cleanup(t.Context()); n != 5 || err != nil {
			t.Errorf("want 5 cleaned up, got %d, %v", n, err)
		}
		wantGone(t, e, ids, nil)
	})
}

func TestRetention_AnExpiredIDIsNotRunAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, r := scripted(t, engine.Config{MaxFinished: 1}, nil)
		request := play("ok")
		request.ID = engine.ID{7}
		do(t, e, request)
		do(t, e, play("ok"))
		_, err := e.Execute(t.Context(), request)
		wantError(t, "the same id", err, engine.ErrExpired)
		wantError(t, "cancel", e.Cancel(t.Context(), request.ID, engine.Cancellation{}), engine.ErrExpired)
		if n := len(r.Started()); n != 2 {
			t.Errorf("want 2 starts, got %d", n)
		}
	})
}

func TestRetention_AWaiterPinsWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxFinished: 1}, enginetest.Scripts{"talks": {Prints: tick(3)}})
		id := start(t, e, play("talks"))
		waited := make(chan engine.Result, 1)
		go func() { waited <- end(t, e, id) }()
		var lines int
		for ev, err := range e.Watch(t.Context(), id, 0) {
			if err != nil {
				t.Errorf("watch: %v", err)
			}
			if ev.Kind == engine.StdoutWritten {
				lines++
			}
			if ev.Kind == engine.ExecutionStarted { // a slow reader: all is over when it reads on
				pass(time.Minute)
				do(t, e, play("ok"))
				do(t, e, play("ok"))
			}
		}
		if r := <-waited; r.Stdout != "line 0\nline 1\nline 2\n" || lines != 3 {
			t.Errorf("want the whole output, got %q, and %d lines watched", r.Stdout, lines)
		}
		wantGone(t, e, []engine.ID{id}, nil)
	})
}

func TestMemory_OldestOutputGoesFirstAndTheRecordSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const size = 256 << 10
		e, _ := scripted(t, engine.Config{MaxMemoryBytes: 1 << 20}, enginetest.Scripts{
			"talks": {Prints: []enginetest.Print{{Text: string(make([]byte, size))}}},
		})
		var ids []engine.ID
		for range 20 {
			ids = append(ids, do(t, e, play("talks")).ID)
			synctest.Wait()
		}
		if s := stats(t, e); s.OutputBytes > 1<<20 || s.Finished != 20 {
			t.Errorf("want all records and at most 1 MiB of output, got %+v", s)
		}
		oldest, newest := end(t, e, ids[0]), end(t, e, ids[19])
		if oldest.Output.StdoutOmittedBytes != size || !oldest.Output.Truncated || oldest.Output.StdoutBytes != size {
			t.Errorf("want the oldest without its output, and told so; got %+v", oldest.Output)
		}
		if newest.Output.Truncated || len(newest.Stdout) != size {
			t.Errorf("want the newest whole, got %+v", newest.Output)
		}
		if events := watched(t, e, ids[0], 0); events[3].Kind != engine.OutputSkipped || events[3].Gap.Bytes != size {
			t.Errorf("want a gap where the output was, got %v", kinds(events))
		}
	})
}
