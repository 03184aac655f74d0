package enginetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// TestRunner tests that what open returns behaves as a runner of real processes
// does. It is called once for each case, in which one engine uses what it
// returns; what has to be closed is for a Cleanup of open to close.
func TestRunner(t *testing.T, open func(t *testing.T) engine.Runner) { //nolint:tparallel // whether the suite is parallel is for its caller to say
	t.Helper()
	playAll(t, slices.Concat(runnerCases(), stopCases(), controlCases()), func(t *testing.T) *bench {
		t.Helper()
		s := newSpy(open(t))
		e, err := engine.New(engine.Config{Runner: s})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // after the engine is shut down, because that is registered later
			for _, fault := range s.broken() {
				t.Errorf("the contract of engine.Runner is broken: %s", fault)
			}
		})
		return &bench{API: e, spy: s}
	})
}

func runnerCases() []one {
	return []one{
		{"TellsExitAndSignal", "an exit has a code and no signal, a death a signal and no code", tellsExitAndSignal},
		{"RecordsEveryByte", "every byte of both streams is in the journal when Ended is called, and in the order of its stream", recordsEveryByte},
		{"StartsWhatTheLaunchSays", "path, arguments, environment, directory and stdin are those of the launch", startsTheLaunch},
		{"TellsTimesAndUsage", "the ending has when it started and ended, and the end is not before the start", tellsTimes},
		{"RefusesWhatIsNoProgram", "what the system refuses to execute is an error of Start, and nothing runs", refusesNoProgram},
		{"LimitsTime", "Launch.Timeout and IdleTimeout end it, each as its own cause", limitsTime},
		{"LimitsOutput", "with FailExecution more than KeepBytes of a stream ends it", limitsOutput},
		{"LetsGoOfHeldPipes", "a process that left its output to another has ended, at most WaitDelay later", letsGo},
		{"RunsMany", "many at once do not mix", runsMany},
		{"MasksAcrossEdges", "a secret that was written in two pieces is masked", masksAcross},
		{"MasksWhatIsAdded", "a secret that is added while it runs is masked, also where its beginning was out before", addsToWhatBegan},
		{"TeesEveryByte", "Request.Tee sees every byte, whatever is kept; a Finder refuses it", teesEveryByte},
		{"DigestsEveryByte", "with Request.Digest the ending has the SHA-256 of what was recorded of each stream, whatever is kept", digestsEveryByte},
	}
}

func tellsExitAndSignal(b *bench) {
	t := b.t
	for code := range 4 {
		id := b.start(t, sh(fmt.Sprintf("exit %d", code*60)))
		b.end(t, id)
		end := b.spy.of(id).ending
		want(t, "cause", engine.CauseExit, end.Cause)
		want(t, "exit code", code*60, end.ExitCode)
		want(t, "signal", 0, int(end.Signal))
	}
	id := b.start(t, sh("kill -9 $$"))
	b.end(t, id)
	end := b.spy.of(id).ending
	want(t, "cause", engine.CauseSignal, end.Cause)
	want(t, "exit code", -1, end.ExitCode)
	want(t, "signal", 9, int(end.Signal))
	want(t, "forced", false, end.Forced)
}

func recordsEveryByte(b *bench) {
	t := b.t
	id := b.start(t, sh(`i=0; while [ $i -lt 3000 ]; do echo "out $i"; echo "err $i" >&2; i=$((i+1)); done; head -c 300000 /dev/zero`))
	r := b.end(t, id)
	var out, err strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&out, "out %d\n", i)
		fmt.Fprintf(&err, "err %d\n", i)
	}
	out.WriteString(strings.Repeat("\x00", 300000))
	if r.Stdout != out.String() {
		t.Errorf("stdout is not what was written: %d bytes of %d", len(r.Stdout), out.Len())
	}
	if r.Stderr != err.String() {
		t.Errorf("stderr is not what was written: %d bytes of %d", len(r.Stderr), err.Len())
	}
	want(t, "bytes in the journal when it ended", int64(out.Len()+err.Len()), b.spy.of(id).recorded)
}

func startsTheLaunch(b *bench) {
	t := b.t
	takesItsRequest(b)
	r := b.do(t, sh(`for a in "$@"; do printf '<%s>' "$a"; done`, "", "a b", "*", "\n", "ü"))
	want(t, "arguments", "<><a b><*><\n><ü>", r.Stdout)
}

func tellsTimes(b *bench) {
	t := b.t
	before := time.Now()
	id := b.start(t, sh(":"))
	b.end(t, id)
	end := b.spy.of(id).ending
	if end.Started.Before(before) || end.Ended.Before(end.Started) || end.Ended.After(time.Now()) {
		t.Errorf("begun at %v: started %v, ended %v", before, end.Started, end.Ended)
	}
	if end.Containment == "" {
		t.Error("the ending does not say how its tree was held together")
	}
}

func refusesNoProgram(b *bench) {
	t := b.t
	path := filepath.Join(t.TempDir(), "noprogram")
	if err := os.WriteFile(path, []byte("echo hi\n"), 0o700); err != nil { //nolint:gosec // it has to be executable
		t.Fatal(err)
	}
	id := b.start(t, engine.Request{Command: engine.Exec(path)})
	r := b.end(t, id)
	want(t, "status", engine.Failed, r.Status)
	want(t, "cause", engine.CauseSpawn, r.Cause)
	want(t, "calls of Started", 0, b.spy.of(id).started)
	if !r.StartedAt.IsZero() || !strings.Contains(r.Error, "exec format error") {
		t.Errorf("want no start, and the system's words; got %v, %q", r.StartedAt, r.Error)
	}
}

func limitsTime(b *bench) {
	timesOut(b)
	timesOutIdle(b)
}

func limitsOutput(b *bench) {
	t := b.t
	request := sh("while :; do echo more; done")
	request.Limits = engine.Limits{OutputBytes: 10_000, Oversize: engine.FailExecution}
	r := b.do(t, request)
	want(t, "status", engine.Failed, r.Status)
	want(t, "cause", engine.CauseOutputLimit, r.Cause)
	if kept := r.Output.StdoutBytes - r.Output.StdoutOmittedBytes; kept < 10_000 || kept > 1<<20 { // a record on disk has room for more
		t.Errorf("what is kept: want 10000 or a little more, got %d", kept)
	}
}

func letsGo(b *bench) {
	t := b.t
	request := sh("sleep 600 & echo hi; exit 7")
	request.WaitDelay = 100 * time.Millisecond
	r := b.do(t, request)
	want(t, "status", engine.Failed, r.Status)
	want(t, "exit code", 7, r.ExitCode)
	want(t, "stdout", "hi\n", r.Stdout)
	want(t, "output incomplete", true, r.OutputIncomplete)
}

func runsMany(b *bench) {
	t := b.t
	ids := make([]engine.ID, 60)
	for i := range ids {
		ids[i] = b.start(t, sh(fmt.Sprintf("echo %d; exit %d", i, i)))
	}
	for i, id := range ids {
		r := b.end(t, id)
		want(t, "exit code", i, r.ExitCode)
		want(t, "stdout", fmt.Sprintf("%d\n", i), r.Stdout)
	}
}

func stopCases() []one {
	return []one{
		{"StopsGracefully", "Stop sends the stop signal once and reports true to the one who ends it, and the ending names that one", stopsGracefully},
		{"StopSignalIsTheLaunchs", "the signal is that of the launch", stopSignalIsTheLaunchs},
		{"KillsAfterTheGrace", "what does not heed the stop signal is killed when the grace is over", graceEnds},
		{"KillEndsNow", "Kill ends what heeds nothing, and leaves the cause of an earlier Stop", killEndsNow},
		{"StopAfterTheEndIsNothing", "Stop and Kill after the end change nothing, say so, and do not panic", stopAfterTheEnd},
		{"StopEndsTheTree", "Stop ends the children as well", stopEndsTheTree},
		{"StartHeedsItsContext", "a context that is done does not end what was started: it owns the start alone", startHeedsContext},
	}
}

func stopsGracefully(b *bench) {
	t := b.t
	id := b.start(t, sh(heeds))
	b.until(t, id, printed("ready"))
	control := b.spy.controlOf(t, id)
	first, second := engine.Actor{Kind: engine.Human, Name: "first"}, engine.Actor{Name: "second"}
	want(t, "the first Stop", true, control.Stop(engine.CauseShutdown, first))
	want(t, "the second", false, control.Stop(engine.CauseTimeout, second))
	r := b.end(t, id)
	want(t, "cause", engine.CauseShutdown, r.Cause)
	want(t, "who stopped it", first, b.spy.of(id).ending.CancelledBy)
	want(t, "stdout", "ready\nstopped\n", r.Stdout)
	if phases := b.spy.of(id).phases; !slices.Equal(phases, []engine.EventKind{engine.ExecutionStopping}) {
		t.Errorf("phases: want stopping alone, got %v", phases)
	}
}

func stopSignalIsTheLaunchs(b *bench) {
	t := b.t
	request := sh(`trap 'echo int; exit 42' INT; echo ready; while :; do sleep 0.02; done`)
	request.StopSignal = "INT"
	id := b.start(t, request)
	b.until(t, id, printed("ready"))
	b.spy.controlOf(t, id).Stop(engine.CauseCancel, engine.Actor{})
	r := b.end(t, id)
	want(t, "status", engine.Cancelled, r.Status)
	want(t, "exit code", 42, r.ExitCode)
	want(t, "stdout", "ready\nint\n", r.Stdout)
}

func killEndsNow(b *bench) {
	t := b.t
	id := b.start(t, sh(ignores))
	b.until(t, id, printed("ready"))
	control := b.spy.controlOf(t, id)
	want(t, "Stop", true, control.Stop(engine.CauseTimeout, engine.Actor{}))
	want(t, "Kill after it", false, control.Kill(engine.CauseCancel, engine.Actor{}))
	r := b.end(t, id)
	want(t, "cause", engine.CauseTimeout, r.Cause)
	want(t, "signal", "KILL", r.Signal)
	want(t, "forced", true, r.Forced)
	if phases := b.spy.of(id).phases; !slices.Equal(phases, []engine.EventKind{engine.ExecutionStopping, engine.ExecutionKilling}) {
		t.Errorf("phases: want stopping and killing, got %v", phases)
	}
}

func stopAfterTheEnd(b *bench) {
	t := b.t
	id := b.start(t, sh("exit 3"))
	r := b.end(t, id)
	control := b.spy.controlOf(t, id)
	want(t, "Stop", false, control.Stop(engine.CauseCancel, engine.Actor{}))
	want(t, "Kill", false, control.Kill(engine.CauseCancel, engine.Actor{}))
	want(t, "the result", asJSON(t, r), asJSON(t, b.end(t, id)))
}

func stopEndsTheTree(b *bench) {
	t := b.t
	g := newGate(t)
	id := b.start(t, sh(`(trap '' TERM; `+awaitGate+`) & echo ready; wait`, string(g)))
	b.until(t, id, printed("ready"))
	b.spy.controlOf(t, id).Kill(engine.CauseCancel, engine.Actor{})
	r := b.end(t, id)
	want(t, "status", engine.Cancelled, r.Status)
	want(t, "output incomplete", false, r.OutputIncomplete) // nobody is left who holds the pipe
}

func startHeedsContext(b *bench) {
	t := b.t
	r := b.do(t, sh("echo one"))
	l := b.spy.of(r.ID).launch
	again, ended := *l, make(chan engine.Ending, 1)
	begun := make(chan struct{})
	again.ID, again.Journal = newID(t), journal.New(&journal.Options{})
	again.Started = func() { close(begun) }
	again.Phase = func(engine.EventKind) {}
	again.Ended = func(end engine.Ending) { ended <- end }
	ctx, cancel := context.WithCancel(patient(t))
	_, err := b.spy.inner.Start(ctx, &again)
	if err != nil && !errors.Is(err, engine.ErrBusy) {
		t.Fatal(err)
	}
	cancel()
	select {
	case end := <-ended:
		want(t, "cause", engine.CauseExit, end.Cause)
	case <-patient(t).Done():
		t.Fatal("Ended was never called")
	}
	<-begun
}
