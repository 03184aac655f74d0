package engine_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// numbers are what must not grow with the number of executions.
type numbers struct {
	descriptors, goroutines, threads, files int
	children                                bool
}

func count() (numbers, error) {
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return numbers{}, err
	}
	files, err := os.ReadDir(os.TempDir())
	if err != nil {
		return numbers{}, err
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return numbers{}, err
	}
	// A zombie counts, and is left to whoever is about to reap it.
	const anybody = 0
	_, _, none := syscall.Syscall6(syscall.SYS_WAITID, anybody, 0, 0, syscall.WEXITED|syscall.WNOHANG|syscall.WNOWAIT, 0, 0)
	return numbers{len(descriptors), runtime.NumGoroutine(), len(threads), len(files), none != syscall.ECHILD}, nil
}

// settle waits until the numbers are the wanted ones.
func settle(what string, want numbers) error {
	var got numbers
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		if got, err = count(); err != nil {
			return err
		}
		if spare := want.goroutines - got.goroutines; spare > 0 {
			got.goroutines += spare // one that was just ending when the base was counted
		}
		// The runtime keeps its threads; it may have made a few more for what came at once.
		if spare := want.threads + 8 - got.threads; spare >= 0 {
			got.threads = want.threads
		}
		if got == want {
			return nil
		}
	}
	stacks := make([]byte, 1<<16)
	return fmt.Errorf("%s: want %+v, got %+v\n%s", what, want, got, stacks[:runtime.Stack(stacks, true)])
}

// measureBase runs a mixed load and compares the numbers, with the engine idle
// and after its end.
func measureBase() error {
	ctx := context.Background()
	before := numbers{}
	for round := range 2 { // the first opens what the runtime keeps open
		e, err := engine.New(engine.Config{MaxConcurrent: 20, Handler: engine.EventHandlerFunc(func([]engine.Event) {})})
		if err != nil {
			return err
		}
		idle, err := count()
		if err != nil {
			return err
		}
		for range []int{3, times(600, 30)}[round] { // 17 executions each
			if err := mix(ctx, e); err != nil {
				return err
			}
		}
		if round > 0 {
			if err := settle("with the engine idle", idle); err != nil {
				return err
			}
		}
		if err := e.Shutdown(ctx); err != nil {
			return err
		}
		if round > 0 {
			return settle("after Shutdown", before)
		}
		if before, err = count(); err != nil {
			return err
		}
	}
	return nil
}

// mix runs one execution of each sort at once.
func mix(ctx context.Context, e *engine.Engine) error {
	dir, err := os.MkdirTemp("", "mix")
	if err != nil {
		return err
	}
	noProgram := filepath.Join(dir, "no-program")
	if err := os.WriteFile(noProgram, []byte("none\n"), 0o700); err != nil {
		return err
	}
	log, stdin := bash("echo log"), bash("cat")
	log.OutputLogPath = filepath.Join(dir, "log")
	stdin.Stdin = make([]byte, 100_000)
	unread, late, idle, held, failing := bash(":"), bash("sleep 60"), bash("sleep 60"), bash("sleep 60 & exit 0"), bash("yes")
	unread.Stdin = make([]byte, 1<<20)
	late.Timeout, idle.IdleTimeout, held.WaitDelay = 50*time.Millisecond, 50*time.Millisecond, 20*time.Millisecond
	failing.Limits = engine.Limits{OutputBytes: 1000, Oversize: engine.FailExecution}
	requests := []engine.Request{
		bash("echo out; echo err >&2"), bash("exit 3"), bash("kill -9 $$"), log, stdin, unread, late, idle, held, failing,
		bash("head -c 1000000 /dev/zero"),
		{Command: engine.InlineScript("#!/bin/sh\necho inline")},
		{Command: engine.Exec(noProgram)},
	}
	var ids, cancelled []engine.ID
	for _, r := range append(requests, slices.Repeat([]engine.Request{bash("sleep 60")}, 4)...) {
		id, err := e.Execute(ctx, r)
		if err != nil {
			return err
		}
		if ids = append(ids, id); len(ids) > len(requests) {
			cancelled = append(cancelled, id)
		}
	}
	for i, id := range cancelled {
		for _, err := range e.Watch(ctx, id, 0) {
			if err != nil {
				return err
			}
			break
		}
		if err := e.Cancel(ctx, id, engine.Cancellation{Force: i%2 == 0}); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if _, err := e.Wait(ctx, id); err != nil {
			return err
		}
	}
	return os.RemoveAll(dir)
}

// churn has readers come and go while four executions write, and looks what is left of
// them.
func churn() error {
	ctx := context.Background()
	e, err := engine.New(engine.Config{})
	if err != nil {
		return err
	}
	var ids []engine.ID
	for range 4 {
		id, err := e.Execute(ctx, bash(`while echo tick; do sleep 0.01; done`))
		if err == nil {
			err = visit(ctx, e, id)
		}
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	before, err := count()
	if err != nil {
		return err
	}
	for i := range times(10_000, 1000) {
		if err := visit(ctx, e, ids[i%len(ids)]); err != nil {
			return err
		}
	}
	if err := settle("with readers who left", before); err != nil {
		return err
	}
	for _, id := range ids {
		if err := e.Cancel(ctx, id, engine.Cancellation{Force: true}); err != nil {
			return err
		}
	}
	return e.Shutdown(ctx)
}

// visit follows an execution until it has written, by bytes and by lines, and leaves.
func visit(ctx context.Context, e *engine.Engine, id engine.ID) error {
	for o, err := range e.Output(ctx, id, 0) {
		if err != nil {
			return err
		}
		if len(o.Data) > 0 {
			break
		}
	}
	for ev, err := range e.Watch(ctx, id, 0) {
		if err != nil {
			return err
		}
		if len(ev.Line) > 0 {
			break
		}
	}
	return nil
}
