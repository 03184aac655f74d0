package enginetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// TestStore tests that what open returns behaves as a store does. It is called once
// for each case, and returns an empty store; what has to be closed is for a Cleanup
// of open to close. Reopen closes a store and opens it again, as a program that is
// started anew does; nil where a store forgets with its program.
func TestStore(t *testing.T, open func(t *testing.T) engine.Store, reopen func(t *testing.T, s engine.Store) engine.Store) { //nolint:tparallel // whether the suite is parallel is for its caller to say
	t.Helper()
	for _, c := range slices.Concat(storeAcceptCases(), storeNoteCases(), storeListCases(), storeDeleteCases(), storeRaceCases()) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("what should hold, and why: %s", c.why)
				}
			})
			c.run(&shop{Store: open(t), t: t, reopen: reopen, clock: epoch})
		})
	}
}

// storeCase is a case of TestStore.
type storeCase struct {
	name, why string
	run       func(s *shop)
}

// epoch is when the time of a case begins.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant, if times could be

// shop is what a case works with: a store, and a clock that goes on by a
// millisecond whenever something is accepted or ends.
type shop struct {
	engine.Store

	t      *testing.T
	reopen func(t *testing.T, s engine.Store) engine.Store
	clock  time.Time
}

func (s *shop) tick() time.Time {
	s.clock = s.clock.Add(time.Millisecond)
	return s.clock
}

// restart closes the store and opens it again, if it can.
func (s *shop) restart() {
	s.t.Helper()
	if s.reopen != nil {
		s.Store = s.reopen(s.t, s.Store)
	}
}

// noMask finds nothing secret.
func noMask(text string) string { return text }

// acceptance is that of a request, at the next time of the clock.
func (s *shop) acceptance(r engine.Request) engine.Acceptance {
	s.t.Helper()
	if r.ID == (engine.ID{}) {
		r.ID = newID(s.t)
	}
	mask := noMask
	if len(r.Secrets) > 0 {
		mask = func(text string) string { return strings.ReplaceAll(text, r.Secrets[0], "[REDACTED]") }
	}
	a, err := engine.NewAcceptance(r, s.tick(), mask)
	if err != nil {
		s.t.Fatalf("make an acceptance: %v", err)
	}
	return a
}

// accept has a request accepted that must be.
func (s *shop) accept(r engine.Request) engine.ID {
	s.t.Helper()
	a := s.acceptance(r)
	if known, err := s.Accept(s.t.Context(), a); known || err != nil {
		s.t.Fatalf("accept %s: want it new, got known %t, error %v", a.Execution.Command, known, err)
	}
	return a.Execution.ID
}

// acceptMany has n requests accepted.
func (s *shop) acceptMany(n int) (ids []engine.ID) {
	s.t.Helper()
	for i := range n {
		ids = append(ids, s.accept(engine.Request{Command: engine.Exec("echo", fmt.Sprint(i))}))
	}
	return ids
}

// note keeps changes that must be kept.
func (s *shop) note(changes ...engine.Change) {
	s.t.Helper()
	if err := s.Note(s.t.Context(), changes...); err != nil {
		s.t.Fatalf("note: %v", err)
	}
}

// started is the change to running.
func (s *shop) started(id engine.ID) engine.Change {
	return engine.Change{ID: id, Status: engine.Running, At: s.tick()}
}

// ended is the change to an ending.
func (s *shop) ended(id engine.ID, status engine.Status, code int) engine.Change {
	at := s.tick()
	return engine.Change{ID: id, Status: status, At: at, Result: &engine.Result{
		ID: id, Status: status, Success: status == engine.Completed, Cause: engine.CauseExit, ExitCode: code,
		AcceptedAt: epoch, StartedAt: at.Add(-time.Millisecond), CompletedAt: at, Duration: time.Millisecond,
	}}
}

// finish starts and ends an execution.
func (s *shop) finish(id engine.ID, status engine.Status, code int) {
	s.t.Helper()
	s.note(s.started(id))
	s.note(s.ended(id, status, code))
}

// finishMany accepts and completes n executions.
func (s *shop) finishMany(n int) []engine.ID {
	s.t.Helper()
	ids := s.acceptMany(n)
	for _, id := range ids {
		s.finish(id, engine.Completed, 0)
	}
	return ids
}

func (s *shop) get(id engine.ID) engine.Record {
	s.t.Helper()
	r, err := s.Get(s.t.Context(), id)
	if err != nil {
		s.t.Fatalf("get %s: %v", id, err)
	}
	return r
}

// list is a page.
func (s *shop) list(f engine.Filter) engine.Page {
	s.t.Helper()
	p, err := s.List(s.t.Context(), f)
	if err != nil {
		s.t.Fatalf("list %+v: %v", f, err)
	}
	return p
}

// all are the ids of everything that matches, page by page. Between tells what is
// done between two pages.
func (s *shop) all(f engine.Filter, between func()) (ids []engine.ID) {
	s.t.Helper()
	for {
		p := s.list(f)
		for i := range p.Executions {
			ids = append(ids, p.Executions[i].ID)
		}
		if p.Next == "" {
			return ids
		}
		if f.After = p.Next; between != nil {
			between()
		}
	}
}

// wantIDs checks ids and their order.
func (s *shop) wantIDs(what string, want, got []engine.ID) {
	s.t.Helper()
	if !slices.Equal(want, got) {
		s.t.Errorf("%s: want %d: %v\ngot %d: %v", what, len(want), want, len(got), got)
	}
}

// wantGone checks that executions are forgotten and not unknown.
func (s *shop) wantGone(gone ...engine.ID) {
	s.t.Helper()
	for i, id := range gone {
		_, err := s.Get(s.t.Context(), id)
		wantIs(s.t, fmt.Sprintf("get of number %d of what was deleted", i), err, engine.ErrExpired)
	}
}

// delete deletes, and checks how many were.
func (s *shop) delete(d engine.Deletion, want int) {
	s.t.Helper()
	n, err := s.Delete(s.t.Context(), d)
	if err != nil || n != want {
		s.t.Errorf("delete %+v: want %d and no error, got %d, %v", d, want, n, err)
	}
}

func wantIs(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: want the error %q, got %v", what, want, got)
	}
}

// reversed are ids the other way round.
func reversed(ids []engine.ID) []engine.ID {
	r := slices.Clone(ids)
	slices.Reverse(r)
	return r
}

// requestJSON is a request as whoever is behind a wire sees it.
func requestJSON(t *testing.T, r engine.Request) string {
	t.Helper()
	r.ID = engine.ID{}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
