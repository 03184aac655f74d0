package engine_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// SHUT-04: fifty run and two thousand watch, one of whom has stopped. Shutdown waits for no
// watcher; each hears how its execution ended, and why.
func TestSHUT04_WatchersHearTheEnding(t *testing.T) {
	t.Parallel()
	const watchers, running = 2000, 50
	g, e := plant(t), open(t, engine.Config{MaxConcurrent: running, Grace: 50 * time.Millisecond})
	var ids []engine.ID
	for range running {
		ids = append(ids, start(t, e, g.bash("echo here; exec sleep 600")))
	}
	var here, over sync.WaitGroup
	here.Add(watchers)
	last, goOn := make([]engine.Event, watchers), make(chan struct{})
	for i := range last {
		over.Go(func() {
			told := sync.OnceFunc(here.Done)
			defer told()
			for ev, err := range e.Watch(context.WithoutCancel(t.Context()), ids[i%running], 0) {
				if err != nil {
					t.Errorf("watcher %d: %v", i, err)
				}
				if last[i] = ev; string(ev.Line) == "here" {
					told()
				}
				if i == 0 && string(ev.Line) == "here" {
					<-goOn
				}
			}
		})
	}
	here.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	wantError(t, "Shutdown", e.Shutdown(ctx), context.DeadlineExceeded)
	close(goOn)
	over.Wait()
	for i := range last {
		if r := last[i].Result; r == nil || r.Cause != engine.CauseShutdown || r.Status != engine.Cancelled {
			t.Fatalf("the last that watcher %d heard is %+v", i, last[i])
		}
	}
	g.ended(t)
}

// SHUT-07: a library that is closed leaves no process, however often it is closed and by
// whomever; afterwards calls are errors. That no goroutine is left is seen in TestMain.
func TestSHUT07_ClosedLibraryLeavesNothing(t *testing.T) {
	t.Parallel()
	g, e := plant(t), open(t, engine.Config{Grace: 50 * time.Millisecond})
	var ids []engine.ID
	for range 10 {
		ids = append(ids, start(t, e, g.bash(`trap "" TERM; sleep 600 & echo here; `+loop)))
	}
	for _, id := range ids {
		until(t, e, id, printed("here"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { wantError(t, "Shutdown", e.Shutdown(ctx), context.DeadlineExceeded) })
	}
	all.Wait()
	if err := e.Shutdown(t.Context()); err != nil {
		t.Errorf("once more: %v", err)
	}
	g.ended(t)
	_, err := e.Execute(t.Context(), bash("true"))
	wantError(t, "a new request", err, engine.ErrClosed)
	for _, id := range ids {
		if r := end(t, e, id); r.Cause != engine.CauseShutdown || !r.Forced || len(r.Survivors) > 0 {
			t.Errorf("it ended by %s, forced: %t, survivors %v", r.Cause, r.Forced, r.Survivors)
		}
		wantError(t, "cancel", e.Cancel(t.Context(), id, engine.Cancellation{}), engine.ErrFinished)
	}
}

// SHUT-07: what runs below reapers ends with a program that is killed.
func TestSHUT07_KilledLibraryLeavesNothing(t *testing.T) {
	t.Parallel()
	g := plant(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := exec.CommandContext(t.Context(), self)
	program.Env = append(os.Environ(), helperVariable+"=ten", g.entry)
	program.Stderr = os.Stderr
	out, err := program.StdoutPipe()
	if err == nil {
		_, err = program.StdinPipe() // it lives until that ends
	}
	if err == nil {
		err = program.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "ten run" {
		t.Errorf("it says %q, %v", line, err)
	}
	if n := g.named("bash"); n < 10 {
		t.Errorf("%d run", n)
	}
	if err := program.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := program.Wait(); program.ProcessState.ExitCode() != -1 {
		t.Errorf("it was not killed: %v", err)
	}
	g.ended(t)
}

// runTen runs ten commands, says so, and lives on.
func runTen() error {
	ctx := context.Background()
	e, err := engine.New(engine.Config{Containment: engine.ContainmentReaper})
	if err != nil {
		return err
	}
	for range 10 {
		id, err := e.Execute(ctx, bash(`trap "" HUP TERM; setsid sleep 600 & echo here; `+loop))
		if err != nil {
			return err
		}
		for ev, err := range e.Watch(ctx, id, 0) {
			if err != nil {
				return err
			}
			if string(ev.Line) == "here" {
				break
			}
		}
	}
	if _, err := fmt.Fprintln(os.Stdout, "ten run"); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, errors.New("it was not killed"))
}
