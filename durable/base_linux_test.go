package durable_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
)

// RES-06: descriptors, goroutines, processes, sockets, slots, claims and temporary files
// are what they were, after hundreds of executions. In a process of its own, because
// what other tests have open is none of its business.
func TestRES06_NumbersAreAtTheirBase(t *testing.T) {
	t.Parallel()
	temp, err := os.MkdirTemp("", "base") //nolint:usetesting // sockets need a short path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(temp) })
	cmd := helperCommand(t, "base", filepath.Join(temp, "state"))
	cmd.Env = append(cmd.Env, "TMPDIR="+temp, "XDG_RUNTIME_DIR=")
	if out, err := combined(cmd); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

// numbers are what must not grow with the number of executions.
type numbers struct {
	descriptors, goroutines, processes, files, sockets, slots, claims, active int
}

// count counts what there is of a state directory and of this process.
func count(dir string) (n numbers, err error) {
	temp := os.TempDir()
	for path, to := range map[string]*int{
		"/proc/self/fd": &n.descriptors, temp: &n.files, filepath.Join(dir, "claims"): &n.claims, filepath.Join(dir, "active"): &n.active,
		filepath.Join(temp, fmt.Sprint("cloudops-", os.Getuid())): &n.sockets,
	} {
		entries, err := os.ReadDir(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return n, err
		}
		*to = len(entries)
	}
	n.goroutines, n.processes = runtime.NumGoroutine(), len(processes(temp))
	n.slots, err = takenSlots(dir)
	return n, err
}

// takenSlots is how many slots are taken.
func takenSlots(dir string) (n int, err error) {
	s, err := folder.Open(dir)
	if err != nil {
		return 0, err
	}
	files, err := os.ReadDir(filepath.Join(dir, "slots"))
	n = len(files)
	for range files {
		slot, err := s.Slot(len(files))
		if err != nil {
			break // all that were free are taken by now
		}
		n--
		defer slot.Close() //nolint:errcheck // it was not written to
	}
	return n, err
}

// settle waits until the numbers are the wanted ones.
func settle(dir, what string, want numbers) error {
	var got numbers
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		var err error
		if got, err = count(dir); err != nil {
			return err
		}
		got.goroutines = max(got.goroutines, want.goroutines) // one may just have been ending then
		got.descriptors = max(got.descriptors, want.descriptors)
		if got == want {
			return nil
		}
	}
	fds, _ := filepath.Glob("/proc/self/fd/*")
	var open []string
	for _, fd := range fds {
		to, _ := os.Readlink(fd)
		open = append(open, to)
	}
	stacks := make([]byte, 1<<16)
	return fmt.Errorf("%s: want %+v, got %+v\n%s\n%s", what, want, got, strings.Join(open, "\n"), stacks[:runtime.Stack(stacks, true)])
}

// measureBase runs a mixed load twice, and compares the numbers of the second time with
// those of the first, with the directory open and after it was closed.
func measureBase(dir string) error {
	ctx := context.Background()
	var open, closed numbers
	for round, mixes := range []int{2, 30} { // of 10 executions each; the first opens what stays open
		if full() && round > 0 {
			mixes = 300
		}
		e, err := durable.Open(ctx, dir, durable.Config{Engine: engine.Config{MaxConcurrent: 8}})
		if err != nil {
			return err
		}
		for range mixes {
			if err := mix(ctx, e); err != nil {
				return err
			}
		}
		if err := compare(dir, "with the directory open", round, 2, &open); err != nil { // two wait, ready
			return err
		}
		if err := e.Shutdown(ctx); err != nil {
			return err
		}
		if err := compare(dir, "when it was closed", round, 0, &closed); err != nil {
			return err
		}
	}
	return nil
}

// compare keeps the numbers of the first round, when everything is sealed and so many
// supervisors are left, and compares with them later.
func compare(dir, what string, round, supervisors int, n *numbers) (err error) {
	if round > 0 {
		return settle(dir, what, *n)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		if *n, err = count(dir); err != nil ||
			n.active+n.slots+n.claims == 0 && n.processes == supervisors && n.sockets == supervisors {
			return err
		}
	}
	return fmt.Errorf("%s: %+v", what, *n)
}

// mix runs one execution of each sort at once.
func mix(ctx context.Context, e *durable.Engine) error {
	stdin, late, escapes := shell("cat"), shell("sleep 60"), shell("setsid sleep 600 & exit 5")
	stdin.Stdin, late.Timeout, escapes.WaitDelay = make([]byte, 100_000), 50*time.Millisecond, 20*time.Millisecond
	requests := []engine.Request{
		shell("echo out; echo err >&2"), shell("exit 3"), shell("kill -9 $$"), stdin, late, escapes, shell("seq 1 20000"),
		{Command: engine.InlineScript("#!/bin/sh\necho inline")},
		shell("sleep 60"), shell("sleep 60"),
	}
	var ids []engine.ID
	for i, r := range requests {
		id, err := e.Execute(ctx, r)
		if err != nil {
			return err
		}
		if ids = append(ids, id); i < len(requests)-2 {
			continue
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
	return nil
}
