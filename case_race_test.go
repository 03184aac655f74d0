//go:build unix

package engine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
)

// together runs f n times, some at once.
func together(n int, f func(i int)) {
	var all sync.WaitGroup
	room := make(chan struct{}, 40)
	for i := range n {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			f(i)
		})
	}
	all.Wait()
}

// oneEnding checks that there is one ending, that it agrees with itself, and
// that it does not change. The rule: who stops it first gives the cause; what had
// exited by then was not stopped.
func oneEnding(t *testing.T, e engine.API, id engine.ID, allowed ...engine.Cause) {
	t.Helper()
	r, err := e.Wait(t.Context(), id)
	if err != nil {
		t.Error(err)
		return
	}
	if !slices.Contains(allowed, r.Cause) {
		t.Errorf("cause %s is none of %v", r.Cause, allowed)
	}
	want := map[engine.Cause]engine.Status{
		engine.CauseExit: engine.Completed, engine.CauseCancel: engine.Cancelled, engine.CauseTimeout: engine.TimedOut,
	}[r.Cause]
	if r.Status != want || r.Success != (want == engine.Completed) || want == engine.Completed && r.ExitCode != 0 {
		t.Errorf("%s by %s with code %d do not agree", r.Status, r.Cause, r.ExitCode)
	}
	endings := 0
	for ev, err := range e.Watch(t.Context(), id, 0) {
		if err != nil {
			t.Error(err)
		}
		if ev.Kind.Terminal() {
			endings++
			if diff := cmp.Diff(&r, ev.Result); diff != "" {
				t.Errorf("the ending changed (-result +event):\n%s", diff)
			}
		}
	}
	if endings != 1 {
		t.Errorf("want one ending, got %d", endings)
	}
}

func TestRACE01_CancelAgainstExit(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{MaxFinished: engine.Unlimited})
	together(times(5000, 300), func(int) {
		id, err := e.Execute(t.Context(), engine.Request{Command: engine.Exec("sleep", "0.05")})
		if err != nil {
			t.Error(err)
			return
		}
		<-time.After(time.Duration(45+rand.IntN(11)) * time.Millisecond)
		if err := e.Cancel(t.Context(), id, engine.Cancellation{}); err != nil && !errors.Is(err, engine.ErrFinished) {
			t.Error(err)
		}
		oneEnding(t, e, id, engine.CauseExit, engine.CauseCancel)
	})
}

func TestRACE02_TimeoutAgainstExitAgainstCancel(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{MaxFinished: engine.Unlimited})
	together(times(5000, 300), func(int) {
		id, err := e.Execute(t.Context(), engine.Request{Command: engine.Exec("sleep", "0.05"), Timeout: 50 * time.Millisecond})
		if err != nil {
			t.Error(err)
			return
		}
		<-time.After(50 * time.Millisecond)
		if err := e.Cancel(t.Context(), id, engine.Cancellation{}); err != nil && !errors.Is(err, engine.ErrFinished) {
			t.Error(err)
		}
		oneEnding(t, e, id, engine.CauseExit, engine.CauseCancel, engine.CauseTimeout)
	})
}

func TestRACE03_ManyCancelsAtOnce(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{Grace: 10 * time.Minute})
	gate := filepath.Join(t.TempDir(), "gate")
	id := start(t, e, bash(`trap 'echo T' TERM; echo ready; until [ -e "$1" ]; do sleep 0.02; done`, gate))
	until(t, e, id, printed("ready"))
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if err := e.Cancel(t.Context(), id, engine.Cancellation{}); err != nil {
				t.Errorf("cancel: %v", err)
			}
		})
	}
	all.Wait()
	until(t, e, id, printed("T"))
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := end(t, e, id); r.Stdout != "ready\nT\n" || r.Status != engine.Cancelled {
		t.Errorf("want exactly one TERM, got %q, %s", r.Stdout, r.Status)
	}
}

func TestRACE04_CancelAfterTheEndAndOfNobody(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	r := do(t, e, bash("true"))
	wantError(t, "after the end", e.Cancel(t.Context(), r.ID, engine.Cancellation{}), engine.ErrFinished)
	wantError(t, "of nobody", e.Cancel(t.Context(), engine.ID{1}, engine.Cancellation{}), engine.ErrNotFound)
	if diff := cmp.Diff(r, end(t, e, r.ID)); diff != "" {
		t.Errorf("the result changed:\n%s", diff)
	}
}

func TestRACE05_CancelWhileQueued(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{MaxConcurrent: 1})
	path := filepath.Join(t.TempDir(), "race05")
	first := start(t, e, bash("sleep 100"))
	queued := start(t, e, engine.Request{Command: engine.Exec("touch", path)})
	cancel(t, e, queued, engine.Cancellation{})
	r := end(t, e, queued)
	wantEnding(t, r, ending{engine.Cancelled, engine.CauseCancel, false, engine.Actor{}})
	cancel(t, e, first, engine.Cancellation{})
	do(t, e, bash(":")) // the slot is free again, and was used
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it ran: %v", err)
	}
	if slices.Contains(kinds(watched(t, e, queued, 0)), engine.ExecutionStarted) {
		t.Error("it has a started event")
	}
}

func TestRACE08_SameIDManyTimesAtOnce(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{})
	path := filepath.Join(t.TempDir(), "race08")
	request := bash(`echo x >>"$1"`, path)
	request.ID = someID
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if id, err := e.Execute(t.Context(), request); id != someID || err != nil {
				t.Errorf("want the one execution, got %v, %v", id, err)
			}
		})
	}
	all.Wait()
	end(t, e, someID)
	if data, err := os.ReadFile(path); string(data) != "x\n" {
		t.Errorf("want one line, got %q, %v", data, err)
	}
	other := bash(":")
	other.ID = someID
	_, err := e.Execute(t.Context(), other)
	wantError(t, "other content", err, engine.ErrConflict)
}

func TestRACE10_HostileIDsAndLabels(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := open(t, engine.Config{LogDir: filepath.Join(dir, "logs")})
	for _, hostile := range []string{"../../etc/x", ".", "a/b", strings.Repeat("x", 10<<10), "CON", "a\nb", "a\x00b", "%2e%2e", "\xff"} {
		if hostile != "" {
			_, err := engine.ParseID(hostile)
			wantError(t, "as an id", err, engine.ErrInvalid)
			if err != nil && len(err.Error()) > 200 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		}
		r := bash(":")
		r.Actor.Name = hostile
		r.Metadata = engine.Metadata{Source: hostile, Tags: map[string]string{hostile: hostile}}
		id, err := e.Execute(t.Context(), r)
		if err != nil {
			wantError(t, "as a label", err, engine.ErrInvalid)
			continue
		}
		end(t, e, id)
		if x := get(t, e, id); !strings.Contains(hostile, "\xff") && x.Metadata.Tags[hostile] != hostile {
			t.Errorf("the label %.20q did not come back: %v", hostile, x.Metadata)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("want nothing but the logs, got %v, %v", entries, err)
	}
}

// To forget is Cleanup here: it never takes one that has not ended.
func TestRACE11_CancelAndCleanUpAtOnce(t *testing.T) {
	t.Parallel()
	e := open(t, engine.Config{MaxFinished: 1})
	together(times(1000, 150), func(int) {
		id, err := e.Execute(t.Context(), engine.Request{Command: engine.Exec("sleep", "60")})
		if err != nil {
			t.Error(err)
			return
		}
		if err := e.Cancel(t.Context(), id, engine.Cancellation{}); err != nil {
			t.Error(err)
		}
		if _, err := e.Cleanup(t.Context()); err != nil {
			t.Error(err)
		}
		if s, err := e.Status(t.Context(), id); err == nil && s != engine.Pending && s != engine.Running && s != engine.Cancelled {
			t.Errorf("status %s", s)
		}
		if r, err := e.Wait(t.Context(), id); err == nil && r.Cause != engine.CauseCancel || err != nil && !errors.Is(err, engine.ErrExpired) {
			t.Errorf("want it cancelled, or forgotten after the end; got %s, %v", r.Cause, err)
		}
	})
	if err := e.Shutdown(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	if s := stats(t, e); s.Running != 0 || s.Finished != 1 || s.Cancelled != s.Accepted {
		t.Errorf("want all cancelled and one kept, got %+v", s)
	}
}

func TestRACE13_EventOrderOfInstantRuns(t *testing.T) {
	t.Parallel()
	n := times(10_000, 500)
	h := &hearer{}
	e := open(t, engine.Config{Handler: h, MaxFinished: engine.Unlimited, MaxQueued: n})
	ids := make([]engine.ID, n)
	for i := range ids {
		ids[i] = start(t, e, engine.Request{Command: engine.Exec("true")})
	}
	for _, id := range ids {
		end(t, e, id)
	}
	if err := e.Shutdown(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	want := []engine.EventKind{
		engine.ExecutionAccepted, engine.ExecutionStatusChanged, engine.ExecutionStarted, engine.ExecutionStatusChanged, engine.ExecutionCompleted,
	}
	heard := make(map[engine.ID][]engine.EventKind)
	for _, ev := range h.events {
		heard[ev.ExecutionID] = append(heard[ev.ExecutionID], ev.Kind)
	}
	for _, id := range ids {
		if !slices.Equal(want, heard[id]) {
			t.Fatalf("want %v, got %v", want, heard[id])
		}
	}
}
