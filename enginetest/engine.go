package enginetest

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// TestEngine tests that what open returns behaves as an engine does. It is called
// once for each case; what it returns must run commands of this machine with the
// default configuration, and is shut down at the end of the case.
// Where it has a method Outlives() bool that says so, what runs may go on after that, and
// is for the caller to end.
func TestEngine(t *testing.T, open func(t *testing.T) engine.API) { //nolint:tparallel // whether the suite is parallel is for its caller to say
	t.Helper()
	cases := slices.Concat(lifeCases(), cancelCases(), inputCases(), secretCases(), recordCases(), lineCases(), listCases(), planCases(), refusalCases(), shutdownCases())
	playAll(t, cases, func(t *testing.T) *bench {
		t.Helper()
		return &bench{API: open(t)}
	})
}

func lifeCases() []one {
	return []one{
		{"Succeeds", "a command that exits with 0 has completed: one result, from Wait and Result alike", succeeds},
		{"Fails", "a command that exits with another code has failed, which is a result and not a Go error", fails},
		{"SuccessCodesDecide", "Request.SuccessCodes say which exit codes are a success", successCodesDecide},
		{"DiesOfSignal", "death by a signal that nobody sent is told from an exit code", diesOfSignal},
		{"IsVisibleWhileItRuns", "an execution that runs is running in Status, Get and the counts, and has no result yet", isVisible},
		{"TimesOut", "an execution that outlives its timeout is ended, and says that it was the timeout", timesOut},
		{"TimesOutIdle", "an execution that writes nothing for its idle timeout is ended, and says so", timesOutIdle},
		{"TakesItsRequest", "stdin, environment and working directory reach the command", takesItsRequest},
		{"WaitOwnsOnlyTheWaiting", "a context that is done ends the waiting and not the execution", waitOwnsTheWaiting},
		{"IsIdempotent", "the same id with the same content is the same execution, and with other content a conflict", isIdempotent},
	}
}

func succeeds(b *bench) {
	t := b.t
	id := b.start(t, sh("echo out; echo err >&2"))
	if id == (engine.ID{}) {
		t.Error("Execute returned no id")
	}
	r := b.end(t, id)
	want(t, "id", id, r.ID)
	want(t, "status", engine.Completed, r.Status)
	want(t, "success", true, r.Success)
	want(t, "cause", engine.CauseExit, r.Cause)
	want(t, "exit code", 0, r.ExitCode)
	want(t, "error", "", r.Error)
	want(t, "stdout", "out\n", r.Stdout)
	want(t, "stderr", "err\n", r.Stderr)
	want(t, "bytes of stdout", 4, r.Output.StdoutBytes)
	want(t, "lines of stderr", 1, r.Output.StderrLines)
	if r.StartedAt.Before(r.AcceptedAt) || r.CompletedAt.Before(r.StartedAt) {
		t.Errorf("times go back: accepted %v, started %v, completed %v", r.AcceptedAt, r.StartedAt, r.CompletedAt)
	}
	again, err := b.Result(patient(t), id)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "Result beside Wait", asJSON(t, r), asJSON(t, again))
	status, err := b.Status(patient(t), id)
	want(t, "Status and its error", string(engine.Completed)+" <nil>", string(status)+" "+errorText(err))
}

func errorText(err error) string {
	if err == nil {
		return "<nil>"
	}
	return err.Error()
}

func fails(b *bench) {
	t := b.t
	r := b.do(t, sh("exit 137"))
	want(t, "status", engine.Failed, r.Status)
	want(t, "success", false, r.Success)
	want(t, "cause", engine.CauseExit, r.Cause)
	want(t, "exit code", 137, r.ExitCode)
	want(t, "signal", "", r.Signal)
	if r.Error == "" {
		t.Error("the result does not say in words why it failed")
	}
}

func successCodesDecide(b *bench) {
	t := b.t
	request := sh("exit 2")
	request.SuccessCodes = []int{0, 2}
	r := b.do(t, request)
	want(t, "status", engine.Completed, r.Status)
	want(t, "exit code", 2, r.ExitCode)
	request = sh("exit 0")
	request.SuccessCodes = []int{2}
	want(t, "status of a code that is none of them", engine.Failed, b.do(t, request).Status)
}

func diesOfSignal(b *bench) {
	t := b.t
	r := b.do(t, sh("kill -SEGV $$"))
	want(t, "status", engine.Failed, r.Status)
	want(t, "cause", engine.CauseSignal, r.Cause)
	want(t, "exit code", -1, r.ExitCode)
	want(t, "signal", "SEGV", r.Signal)
}

func isVisible(b *bench) {
	t := b.t
	g := newGate(t)
	request := sh(awaitGate, string(g))
	request.Metadata = engine.Metadata{Source: "suite", Tags: map[string]string{"k": "v"}}
	request.Actor = engine.Actor{Kind: engine.TokenHolder, Name: "suite", Role: "operator", OnBehalfOf: "agent:suite"}
	id := b.start(t, request)
	b.until(t, id, started)
	ctx := patient(t)
	x, err := b.Get(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "status", engine.Running, x.Status)
	want(t, "type", string(engine.CommandTypeExec), x.Type)
	want(t, "command", request.Command.String(), x.Command)
	want(t, "source", "suite", x.Metadata.Source)
	want(t, "tag", "v", x.Metadata.Tags["k"])
	wantActor(t, request.Actor, x.Actor)
	want(t, "exit code", -1, x.ExitCode)
	if _, err := b.Result(ctx, id); !errors.Is(err, engine.ErrNotFinished) {
		t.Errorf("Result: want ErrNotFinished, got %v", err)
	}
	if n, err := b.RunningCount(ctx); n != 1 || err != nil {
		t.Errorf("RunningCount: want 1, got %d, %v", n, err)
	}
	stats, err := b.Stats(ctx)
	if err != nil || stats.Running != 1 || stats.Accepted != 1 {
		t.Errorf("Stats: want one accepted and running, got %+v, %v", stats, err)
	}
	g.open(t)
	b.end(t, id)
	stats, err = b.Stats(ctx)
	if err != nil || stats.Running != 0 || stats.Completed != 1 || stats.Finished != 1 {
		t.Errorf("Stats after the end: want one completed and finished, got %+v, %v", stats, err)
	}
}

func timesOut(b *bench) {
	t := b.t
	request := sh("sleep 600")
	request.Timeout = 200 * time.Millisecond
	r := b.do(t, request)
	want(t, "status", engine.TimedOut, r.Status)
	want(t, "cause", engine.CauseTimeout, r.Cause)
	if r.Duration < request.Timeout {
		t.Errorf("it ran %v, less than its timeout", r.Duration)
	}
	last := b.events(t, r.ID, 0)
	want(t, "timeout of the last event", request.Timeout, last[len(last)-1].Timeout)
}

func timesOutIdle(b *bench) {
	t := b.t
	request := sh("echo one; sleep 600")
	request.IdleTimeout = 200 * time.Millisecond
	r := b.do(t, request)
	for r.Stdout == "" && request.IdleTimeout < patience/8 { // a slow machine needs longer to write at all
		request.IdleTimeout *= 2
		r = b.do(t, request)
	}
	want(t, "status", engine.TimedOut, r.Status)
	want(t, "cause", engine.CauseIdleTimeout, r.Cause)
	want(t, "stdout", "one\n", r.Stdout)
}

func takesItsRequest(b *bench) {
	t := b.t
	dir := t.TempDir()
	if path, err := filepath.EvalSymlinks(dir); err == nil {
		dir = path
	}
	request := sh(`cat; echo "$ENGINETEST"; pwd`)
	request.Stdin = []byte("first\n")
	request.Env = map[string]string{"ENGINETEST": "second"}
	request.WorkingDir = dir
	want(t, "stdout", "first\nsecond\n"+dir+"\n", b.do(t, request).Stdout)
	want(t, "stdout of one without stdin", "done\n", b.do(t, sh("cat; echo done")).Stdout)
}

func waitOwnsTheWaiting(b *bench) {
	t := b.t
	g := newGate(t)
	ctx, cancel := context.WithCancel(patient(t))
	id, err := b.Execute(ctx, sh(awaitGate+"echo done", string(g)))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := b.Wait(ctx, id); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait: want the context's error, got %v", err)
	}
	g.open(t)
	r := b.end(t, id)
	want(t, "status", engine.Completed, r.Status)
	want(t, "stdout", "done\n", r.Stdout)
}

func isIdempotent(b *bench) {
	t := b.t
	request := sh("echo once")
	request.ID = newID(t)
	request.Env = map[string]string{"A": "1", "B": "2"}
	first := b.do(t, request)
	want(t, "id", request.ID, first.ID)
	again := b.do(t, request)
	want(t, "the result of the second", asJSON(t, first), asJSON(t, again))
	other := sh("echo twice")
	other.ID = request.ID
	if _, err := b.Execute(patient(t), other); !errors.Is(err, engine.ErrConflict) {
		t.Errorf("other content: want ErrConflict, got %v", err)
	}
	want(t, "the result after the conflict", asJSON(t, first), asJSON(t, b.end(t, request.ID)))
}
