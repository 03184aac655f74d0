package enginetest

import (
	"context"
	"errors"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

func cancelCases() []one {
	return []one{
		{"Cancels", "an execution that is cancelled ends as cancelled, whatever it exits with, and says who cancelled it", cancels},
		{"CancelsOnce", "a second cancel changes nothing and sends no second signal", cancelsOnce},
		{"CancelForces", "Force ends what does not heed the stop signal, also after a cancel without it", cancelForces},
		{"GraceEnds", "KILL follows when the grace is over", graceEnds},
		{"CancelAfterTheEnd", "a cancel after the end is ErrFinished and changes nothing", cancelAfterTheEnd},
		{"UnknownIsNotFound", "every method that takes an id says ErrNotFound for one that never was", unknownIsNotFound},
	}
}

// heeds is a line of sh that says when it is ready to be stopped, and goes on
// until it is.
const heeds = `trap 'echo stopped; exit 0' TERM; echo ready; while :; do sleep 0.02; done`

// ignores is one that does not heed its stop signal.
const ignores = `trap '' TERM; echo ready; while :; do sleep 0.02; done`

func cancels(b *bench) {
	t := b.t
	id := b.start(t, sh(heeds))
	b.until(t, id, printed("ready"))
	by := engine.Actor{Kind: engine.Human, Name: "suite"}
	if err := b.Cancel(patient(t), id, engine.Cancellation{Actor: by}); err != nil {
		t.Fatal(err)
	}
	r := b.end(t, id)
	want(t, "status", engine.Cancelled, r.Status)
	want(t, "success", false, r.Success)
	want(t, "cause", engine.CauseCancel, r.Cause)
	want(t, "exit code", 0, r.ExitCode)
	want(t, "forced", false, r.Forced)
	wantActor(t, by, r.CancelledBy)
	want(t, "stdout", "ready\nstopped\n", r.Stdout)
	kinds := kindsOf(b.events(t, id, 0))
	if kinds[engine.ExecutionStopping] != 1 || kinds[engine.ExecutionCancelled] != 1 {
		t.Errorf("want one stopping and one cancelled event, got %v", kinds)
	}
}

func kindsOf(events []engine.Event) map[engine.EventKind]int {
	kinds := make(map[engine.EventKind]int)
	for i := range events {
		kinds[events[i].Kind]++
	}
	return kinds
}

func cancelsOnce(b *bench) {
	t := b.t
	g := newGate(t)
	id := b.start(t, sh(`trap 'echo term' TERM; echo ready; `+awaitGate, string(g)))
	b.until(t, id, printed("ready"))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := b.Cancel(patient(t), id, engine.Cancellation{}); err != nil {
				t.Errorf("cancel: %v", err)
			}
		})
	}
	all.Wait()
	b.until(t, id, printed("term"))
	g.open(t)
	r := b.end(t, id)
	want(t, "stdout", "ready\nterm\n", r.Stdout)
	want(t, "cause", engine.CauseCancel, r.Cause)
}

func cancelForces(b *bench) {
	t := b.t
	for _, first := range []bool{true, false} {
		id := b.start(t, sh(ignores))
		b.until(t, id, printed("ready"))
		ctx := patient(t)
		if first {
			if err := b.Cancel(ctx, id, engine.Cancellation{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Cancel(ctx, id, engine.Cancellation{Force: true}); err != nil {
			t.Fatal(err)
		}
		r := b.end(t, id)
		want(t, "status", engine.Cancelled, r.Status)
		want(t, "signal", "KILL", r.Signal)
		want(t, "forced", true, r.Forced)
	}
}

func graceEnds(b *bench) {
	t := b.t
	request := sh(ignores)
	request.Grace = 100 * time.Millisecond
	id := b.start(t, request)
	b.until(t, id, printed("ready"))
	if err := b.Cancel(patient(t), id, engine.Cancellation{}); err != nil {
		t.Fatal(err)
	}
	r := b.end(t, id)
	want(t, "status", engine.Cancelled, r.Status)
	want(t, "signal", "KILL", r.Signal)
	want(t, "forced", true, r.Forced)
	want(t, "killing events", 1, kindsOf(b.events(t, id, 0))[engine.ExecutionKilling])
}

func cancelAfterTheEnd(b *bench) {
	t := b.t
	r := b.do(t, sh("exit 3"))
	for _, force := range []bool{false, true} {
		if err := b.Cancel(patient(t), r.ID, engine.Cancellation{Force: force}); !errors.Is(err, engine.ErrFinished) {
			t.Errorf("cancel, force %v: want ErrFinished, got %v", force, err)
		}
	}
	want(t, "the result", asJSON(t, r), asJSON(t, b.end(t, r.ID)))
}

func unknownIsNotFound(b *bench) {
	t := b.t
	id := newID(t)
	for name, call := range map[string]func(context.Context) error{
		"Get":        func(ctx context.Context) error { _, err := b.Get(ctx, id); return err },
		"Status":     func(ctx context.Context) error { _, err := b.Status(ctx, id); return err },
		"Result":     func(ctx context.Context) error { _, err := b.Result(ctx, id); return err },
		"Wait":       func(ctx context.Context) error { _, err := b.Wait(ctx, id); return err },
		"Cancel":     func(ctx context.Context) error { return b.Cancel(ctx, id, engine.Cancellation{}) },
		"WriteStdin": func(ctx context.Context) error { _, err := b.WriteStdin(ctx, id, []byte("x")); return err },
		"CloseStdin": func(ctx context.Context) error { return b.CloseStdin(ctx, id) },
		"Resize":     func(ctx context.Context) error { return b.Resize(ctx, id, engine.TerminalSize{}) },
		"Extend":     func(ctx context.Context) error { _, err := b.Extend(ctx, id, time.Second); return err },
		"AddSecrets": func(ctx context.Context) error { return b.AddSecrets(ctx, id, secret) },
		"Watch": func(ctx context.Context) (last error) {
			for _, err := range b.Watch(ctx, id, 0) {
				last = err
			}
			return last
		},
		"Output": func(ctx context.Context) (last error) {
			for _, err := range b.Output(ctx, id, 0) {
				last = err
			}
			return last
		},
	} {
		if err := call(patient(t)); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("%s: want ErrNotFound, got %v", name, err)
		}
	}
}
