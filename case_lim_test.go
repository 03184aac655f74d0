//go:build linux

package engine_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// timedOut runs a line that takes far longer than its timeout.
func timedOut(t *testing.T, line string) engine.Result {
	t.Helper()
	g := plant(t)
	r, timeout := g.timesOut(t, open(t, engine.Config{}), line, "sleep")
	wantEnding(t, r, ending{engine.TimedOut, engine.CauseTimeout, false, engine.Actor{}})
	if r.Duration < timeout || r.Duration > timeout+tooLong || r.Success {
		t.Errorf("want it over soon after %v, no success; got %v, %v", timeout, r.Duration, r.Success)
	}
	return r
}

func TestLIM01_Timeout(t *testing.T) {
	t.Parallel()
	if r := timedOut(t, "exec sleep 300"); r.Signal != "TERM" || r.ExitCode != -1 {
		t.Errorf("want TERM recorded, got %q, code %d", r.Signal, r.ExitCode)
	}
	if r := timedOut(t, "trap 'exit 0' TERM; sleep 300 & wait"); r.ExitCode != 0 {
		t.Errorf("want its own code recorded, got %d", r.ExitCode)
	}
}

func TestLIM02_TimeoutWithAForkedChild(t *testing.T) {
	t.Parallel()
	timedOut(t, "sleep 300; true")
	timedOut(t, "sleep 300 | cat")
}

func TestLIM04_OutputLimitAtItsEdge(t *testing.T) {
	t.Parallel()
	const limit = 1000
	e := open(t, engine.Config{MaxOutputBytes: limit})
	for n, kept := range map[int64]int64{999: 999, 1000: 1000, 1001: 1000} {
		r := do(t, e, engine.Request{Command: engine.Exec("head", "-c", fmt.Sprint(n), "/dev/zero")})
		if r.Output.StdoutBytes != n || r.Output.StdoutBytes-r.Output.StdoutOmittedBytes != kept || r.Output.Truncated != (n > limit) {
			t.Errorf("%d bytes: want %d kept, truncated above %d alone; got %+v", n, kept, limit, r.Output)
		}
		if got := int64(strings.Count(r.Stdout, "\x00")); got != kept || !r.Success {
			t.Errorf("%d bytes: want %d in the result of a success, got %d, %s", n, kept, got, r.Error)
		}
		failing := engine.Request{
			Command: engine.Exec("head", "-c", fmt.Sprint(n), "/dev/zero"), Limits: engine.Limits{Oversize: engine.FailExecution},
		}
		want := map[bool]engine.Cause{true: engine.CauseExit, false: engine.CauseOutputLimit}[n <= limit]
		if r = do(t, e, failing); r.Success != (n <= limit) || r.Cause != want {
			t.Errorf("%d bytes, set to fail: want it by %s, got %s by %s", n, want, r.Status, r.Cause)
		}
	}
}

func TestLIM05_OverTheLimitAndThenSilent(t *testing.T) {
	t.Parallel()
	g := plant(t)
	request := g.bash("head -c 2000000 /dev/zero; sleep 300")
	request.Limits = engine.Limits{OutputBytes: 1 << 20, Oversize: engine.FailExecution}
	r := do(t, open(t, engine.Config{}), request)
	wantEnding(t, r, ending{engine.Failed, engine.CauseOutputLimit, false, engine.Actor{}})
	if r.Duration > tooLong || !strings.Contains(r.Error, "output") {
		t.Errorf("want it ended at once, the reason named; got %v, %q", r.Duration, r.Error)
	}
	g.ended(t)
}

// through waits for the end of many, however long that takes, and looks meanwhile.
func through(e *engine.Engine, ids []engine.ID, look func()) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		for _, id := range ids {
			_, _ = e.Wait(context.Background(), id) // one that is not kept any more has ended
		}
	}()
	for {
		look()
		select {
		case <-over:
			return
		case <-time.After(3 * time.Millisecond):
		}
	}
}

func TestLIM09_Concurrency(t *testing.T) {
	t.Parallel()
	const slots = 4
	e, g := open(t, engine.Config{MaxConcurrent: slots}), plant(t)
	gate := filepath.Join(t.TempDir(), "gate")
	ids := make([]engine.ID, times(100, 40))
	for i := range ids { // each holds its slot until all of them were seen in use
		ids[i] = start(t, e, g.bash(`until [ -e "$1" ]; do sleep 0.02; done; exec -a lim09 sleep 0.1`, gate))
	}
	g.stands(t, slots, "bash")
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	through(e, ids, func() {
		if running := g.named("lim09"); running > slots {
			t.Errorf("%d ran at once", running)
		}
	})
	if s := stats(t, e); s.Completed != int64(len(ids)) {
		t.Errorf("want all completed, got %+v", s)
	}
}

// Who comes first is started first. Of several at once nobody can tell: one may take long to be started.
func TestLIM09_InOrder(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{MaxConcurrent: 1})
	ids := make([]engine.ID, 40)
	for i := range ids {
		ids[i] = start(t, e, engine.Request{Command: engine.Exec("true")})
	}
	for i := range ids[1:] {
		if before, after := end(t, e, ids[i]), end(t, e, ids[i+1]); after.StartedAt.Before(before.CompletedAt) {
			t.Errorf("number %d was started before number %d had ended", i+1, i)
		}
	}
}

func TestLIM11_QueueBound(t *testing.T) {
	t.Parallel()
	bound := times(10_000, 300)
	e := open(t, engine.Config{MaxConcurrent: 1, MaxQueued: bound, MaxFinished: engine.Unlimited})
	blocker := start(t, e, bash("sleep 300"))
	until(t, e, blocker, isStart)
	var accepted []engine.ID
	for range 10 * bound {
		switch id, err := e.Execute(t.Context(), engine.Request{Command: engine.Exec("true")}); {
		case err == nil:
			accepted = append(accepted, id)
		case id != (engine.ID{}) || !engine.Retryable(err):
			t.Fatalf("want no id and a retryable error, got %v, %v", id, err)
		default:
			wantError(t, "beyond the bound", err, engine.ErrQueueFull)
		}
	}
	if s := stats(t, e); len(accepted) != bound || s.Queued != bound || s.Accepted != int64(bound)+1 {
		t.Errorf("want %d queued and nothing kept of the others, got %d accepted, %+v", bound, len(accepted), s)
	}
	cancel(t, e, blocker, engine.Cancellation{Force: true})
	for _, id := range accepted {
		if r := end(t, e, id); !r.Success {
			t.Errorf("one that was accepted: %s, %s", r.Status, r.Error)
		}
	}
}

func TestLIM12_CPUHogs(t *testing.T) {
	t.Parallel()
	e, g := open(t, engine.Config{}), plant(t)
	id := start(t, e, g.bash("for i in 1 2 3 4; do (while :; do :; done) & done; echo ready; wait"))
	until(t, e, id, printed("ready"))
	took := make([]time.Duration, 200)
	for i := range took {
		asked := time.Now()
		if x := get(t, e, id); x.Status != engine.Running {
			t.Fatalf("want it running, got %s", x.Status)
		}
		took[i] = time.Since(asked)
		<-time.After(time.Millisecond)
	}
	slices.Sort(took)
	if p99 := took[len(took)*99/100]; p99 > tooLong/2 { // which is a hang
		t.Errorf("an answer took %v at p99", p99)
	}
	wantCancelled(t, stopped(t, e, id), false)
	g.ended(t)
}

// What a library can hold of it: the sizes that the system refuses are told as
// such, in few words, and the rest is carried as it came. The size of a message
// is for whoever reads it from a wire.
func TestLIM13_OversizedRequest(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	const million = 1 << 20
	_, err := e.Execute(t.Context(), engine.Request{Command: engine.Exec("true", strings.Repeat("x", 100*million))})
	if wantError(t, "an argument of 100 MiB", err, engine.ErrInvalid); err != nil && len(err.Error()) > 1000 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
	large := engine.Request{Command: engine.Exec("true"), Env: map[string]string{"LARGE": strings.Repeat("x", 5*million)}}
	r := do(t, e, large) // how much is too much, only the kernel knows
	wantEnding(t, r, ending{engine.Failed, engine.CauseSpawn, false, engine.Actor{}})
	if !strings.Contains(r.Error, "argument list too long") || len(r.Error) > 1000 {
		t.Errorf("want E2BIG in words, got %.1000q", r.Error)
	}
	tags := map[string]string{"long": strings.Repeat("x", million)}
	for i := range 10_000 {
		tags[fmt.Sprint("label", i)] = "x"
	}
	r = do(t, e, engine.Request{Command: engine.Exec("true"), Metadata: engine.Metadata{Tags: tags}})
	if x := get(t, e, r.ID); !r.Success || len(x.Metadata.Tags) != len(tags) || len(x.Metadata.Tags["long"]) != million {
		t.Errorf("want the labels back, got %d of %d, %s", len(x.Metadata.Tags), len(tags), r.Error)
	}
}

func TestLIM15_Retention(t *testing.T) {
	t.Parallel()
	const kept, slots, written = 20, 4, 64 << 10 // seq writes a little less
	memory := int64(1 << 20)
	e := open(t, engine.Config{MaxConcurrent: slots, MaxFinished: kept, MaxMemoryBytes: memory})
	running := start(t, e, bash("echo here; sleep 300"))
	until(t, e, running, printed("here"))
	ids := make([]engine.ID, times(5000, 200))
	for i := range ids {
		ids[i] = start(t, e, engine.Request{Command: engine.Exec("seq", "1", "10000")})
	}
	through(e, ids, func() {
		if s := stats(t, e); s.Finished > kept+1 || s.OutputBytes > memory+slots*written {
			t.Errorf("want at most %d records and %d bytes at all times, got %+v", kept, memory, s)
		}
	})
	if s := stats(t, e); s.Completed != int64(len(ids)) || s.Finished != kept || s.Expired != int64(len(ids)-kept) {
		t.Errorf("want %d records kept, the others counted, got %+v", kept, s)
	}
	for _, id := range ids {
		var first error
		for _, err := range e.Output(t.Context(), id, 0) {
			first = err
			break
		}
		if _, err := e.Result(t.Context(), id); err != nil { // purged: all of it, not a part
			wantError(t, "its result", err, engine.ErrExpired)
			wantError(t, "its output", first, engine.ErrExpired)
		}
	}
	if x := get(t, e, running); x.Status != engine.Running {
		t.Errorf("want the running one untouched, got %s", x.Status)
	}
	wantCancelled(t, stopped(t, e, running), false)
}

// A log file is the caller's: it stays when the record goes.
func TestLIM15_LogFilesOutliveTheirRecords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := open(t, engine.Config{MaxFinished: 1, LogDir: dir})
	first := do(t, e, bash("echo first"))
	second := do(t, e, bash("echo second"))
	wantGone(t, e, []engine.ID{first.ID}, []engine.ID{second.ID})
	if data, err := os.ReadFile(filepath.Join(dir, first.ID.String()+".log")); string(data) != "first\n" {
		t.Errorf("want the log there, got %q, %v", data, err)
	}
}
