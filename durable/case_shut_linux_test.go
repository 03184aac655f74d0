package durable_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// SHUT-01: a directory that is closed takes no more. What runs goes on and what waits is
// kept: the next owner has both.
func TestSHUT01_ShutdownKeepsTheQueue(t *testing.T) {
	t.Parallel()
	dir := place(t)
	path, open1 := gate(t)
	first := open(t, dir, programConfig("one"))
	runs := start(t, first, shell("until [ -e %s ]; do sleep 0.02; done; exit 4", path))
	running(t, first, runs)
	waits := start(t, first, shell("echo waited"))
	shut(t, first)
	if _, err := first.Execute(t.Context(), shell("true")); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("too late: %v", err)
	}
	second := open(t, dir, programConfig("one"))
	if r := second.Report(); r.Running != 1 || r.Queued != 1 {
		t.Errorf("found %+v", r)
	}
	open1()
	if r := wait(t, second, runs); r.ExitCode != 4 {
		t.Errorf("what ran: %+v", r)
	}
	if r := wait(t, second, waits); r.Stdout != "waited\n" {
		t.Errorf("what waited: %+v", r)
	}
}

// SHUT-02: what runs in this process is ended with it, when the time is up, be it deaf; and
// nothing is left.
func TestSHUT02_ForegroundEndsWhenTheTimeIsUp(t *testing.T) {
	t.Parallel()
	dir := place(t)
	c := programConfig("foreground")
	c.Engine.Grace = 50 * time.Millisecond
	e := open(t, dir, c)
	id := start(t, e, shell("trap '' TERM; setsid sleep 600 & echo deaf; while :; do sleep 1; done"))
	printed(t, e, id, "deaf")
	d := describedIn(t, dir, id)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := e.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("closed with %v", err)
	}
	if left := marked(d.Mark); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	next := open(t, dir, durable.Config{})
	if r := wait(t, next, id); r.Status != engine.Cancelled || r.Cause != engine.CauseShutdown || !r.Forced {
		t.Errorf("it ended as %s by %s, forced: %t", r.Status, r.Cause, r.Forced)
	}
}

// SHUT-04: two thousand who watch fifty that run are told why it is over for them, at
// once; and the fifty run on.
func TestSHUT04_WatchersAreToldWhy(t *testing.T) {
	t.Parallel()
	dir := place(t)
	e := open(t, dir, durable.Config{Engine: engine.Config{MaxConcurrent: 50}})
	var ids []engine.ID
	for range 50 {
		ids = append(ids, start(t, e, shell("echo here; exec sleep 600")))
	}
	var here, over sync.WaitGroup
	here.Add(2000)
	why := make([]error, 2000)
	for i := range why {
		over.Go(func() {
			told := sync.OnceFunc(here.Done)
			defer told()
			for ev, err := range e.Watch(context.WithoutCancel(t.Context()), ids[i%len(ids)], 0) {
				why[i] = err
				if string(ev.Line) == "here" {
					told()
				}
			}
		})
	}
	here.Wait()
	shut(t, e)
	over.Wait()
	for i, err := range why {
		if !errors.Is(err, engine.ErrClosed) {
			t.Fatalf("watcher %d was told %v", i, err)
		}
	}
	next := open(t, dir, durable.Config{Engine: engine.Config{MaxConcurrent: 50}})
	if r := next.Report(); r.Running != 50 {
		t.Errorf("found %+v", r)
	}
}

// SHUT-07: to close it twice is to close it once, however many do so; afterwards calls are
// errors.
func TestSHUT07_ShutdownTwice(t *testing.T) {
	t.Parallel()
	dir := place(t)
	e := open(t, dir, durable.Config{})
	var ids []engine.ID
	for range 10 {
		ids = append(ids, start(t, e, shell("exec sleep 600")))
	}
	for _, id := range ids {
		running(t, e, id)
	}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { shut(t, e) })
	}
	all.Wait()
	shut(t, e)
	if _, err := e.Execute(t.Context(), shell("true")); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("execute: %v", err)
	}
	for what, call := range map[string]func() error{
		"get":    func() error { _, err := e.Get(t.Context(), ids[0]); return err },
		"wait":   func() error { _, err := e.Wait(t.Context(), ids[0]); return err },
		"list":   func() error { _, err := e.List(t.Context(), engine.Filter{}); return err },
		"cancel": func() error { return e.Cancel(t.Context(), ids[0], engine.Cancellation{}) },
	} {
		if err := call(); err == nil {
			t.Errorf("%s works in a closed directory", what)
		}
	}
}
