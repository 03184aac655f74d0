package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	engine "github.com/escher-dbai/cloudops-engine"
)

func freshID(t *testing.T) engine.ID {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// left is a store as a program has left it that was killed.
type left struct {
	*engine.MemoryStore
	t *testing.T
}

func newLeft(t *testing.T) *left {
	t.Helper()
	return &left{engine.NewMemoryStore(), t}
}

// accepted adds a request that was accepted.
func (l *left) accepted(r engine.Request) engine.ID {
	l.t.Helper()
	if r.ID == (engine.ID{}) {
		r.ID = freshID(l.t)
	}
	a, err := engine.NewAcceptance(r, time.Now().Add(-time.Hour), func(s string) string { return s })
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := l.Accept(l.t.Context(), a); err != nil {
		l.t.Fatal(err)
	}
	return r.ID
}

// started notes that it ran.
func (l *left) started(id engine.ID) {
	l.t.Helper()
	if err := l.Note(l.t.Context(), engine.Change{ID: id, Status: engine.Running, At: time.Now()}); err != nil {
		l.t.Fatal(err)
	}
}

// next is an engine that takes it up.
func (l *left) next(c engine.Config) (*engine.Engine, engine.Recovery) {
	l.t.Helper()
	c.Store = l.MemoryStore
	e, err := engine.New(c)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		if err := e.Shutdown(context.WithoutCancel(l.t.Context())); err != nil {
			l.t.Error(err)
		}
	})
	found, err := e.Recover(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	return e, found
}

// What was accepted and never started waits again, in its order, and runs once.
func TestRecover_StartsWhatWaited(t *testing.T) {
	t.Parallel()
	l := newLeft(t)
	var ids []engine.ID
	for range 3 {
		ids = append(ids, l.accepted(engine.Request{Command: engine.Shell("echo hello")}))
	}
	e, found := l.next(engine.Config{MaxConcurrent: 1})
	if want := (engine.Recovery{Queued: 3}); found != want {
		t.Errorf("found %+v, want %+v", found, want)
	}
	var last time.Time
	for _, id := range ids {
		r, err := e.Wait(t.Context(), id)
		if err != nil || r.Stdout != "hello\n" {
			t.Fatalf("%v, %+v", err, r)
		}
		if r.StartedAt.Before(last) {
			t.Error("the order has changed")
		}
		last = r.StartedAt
		if r.Queued < time.Hour {
			t.Errorf("accepted an hour ago, it waited %v", r.Queued)
		}
	}
}

// What ran when the program was killed, nobody knows the end of. It is lost, and not
// run again.
func TestRecover_LosesWhatRan(t *testing.T) {
	t.Parallel()
	l := newLeft(t)
	id := l.accepted(engine.Request{Command: engine.Shell("echo again >> " + t.TempDir() + "/never")})
	l.started(id)
	e, found := l.next(engine.Config{})
	if want := (engine.Recovery{Lost: 1}); found != want {
		t.Errorf("found %+v, want %+v", found, want)
	}
	r, err := e.Wait(t.Context(), id)
	if err != nil || r.Status != engine.Lost || r.Cause != engine.CauseLost || r.ExitCode != -1 || r.Error == "" {
		t.Errorf("%v, %+v", err, r)
	}
	page, err := e.List(t.Context(), engine.Filter{Status: []engine.Status{engine.Lost}})
	if err != nil || len(page.Executions) != 1 || page.Executions[0].ID != id {
		t.Errorf("the store has %+v, %v", page, err)
	}
}

// A request whose secrets are gone, or whose program has gone, is not run by half.
func TestRecover_LosesWhatCannotRunAnyMore(t *testing.T) {
	t.Parallel()
	l := newLeft(t)
	id := l.accepted(engine.Request{Command: engine.Exec("/gone/since")})
	e, found := l.next(engine.Config{})
	if want := (engine.Recovery{Lost: 1}); found != want {
		t.Errorf("found %+v, want %+v", found, want)
	}
	if r, err := e.Wait(t.Context(), id); err != nil || r.Status != engine.Lost {
		t.Errorf("%v, %+v", err, r)
	}
}

// A repeated submit gives the same execution, also to an engine that has never heard of
// it; with other content it is a conflict; and it need not be runnable any more.
func TestStore_KnowsTheIDsOfBefore(t *testing.T) {
	t.Parallel()
	l := newLeft(t)
	r := engine.Request{ID: freshID(t), Command: engine.Shell("echo once")}
	first, _ := l.next(engine.Config{})
	if _, err := first.Execute(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	before, err := first.Wait(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.List(t.Context(), engine.Filter{}); err != nil { // the store has the ending
		t.Fatal(err)
	}
	second, _ := l.next(engine.Config{})
	if id, err := second.Execute(t.Context(), r); err != nil || id != r.ID {
		t.Errorf("again: %v, %v", id, err)
	}
	after, err := second.Result(t.Context(), r.ID)
	if err != nil || !after.StartedAt.Equal(before.StartedAt) || after.Status != engine.Completed {
		t.Errorf("%v, %+v", err, after)
	}
	r.Command = engine.Shell("echo twice")
	if _, err := second.Execute(t.Context(), r); !errors.Is(err, engine.ErrConflict) {
		t.Errorf("other content: %v", err)
	}
	gone := engine.Request{ID: l.accepted(engine.Request{Command: engine.Exec("/gone/since")}), Command: engine.Exec("/gone/since")}
	if id, err := second.Execute(t.Context(), gone); err != nil || id != gone.ID {
		t.Errorf("accepted before, gone since: %v, %v", id, err)
	}
}

// Of an execution that ended under an engine before, all but the output is there.
func TestStore_ShowsWhatEndedBefore(t *testing.T) {
	t.Parallel()
	l := newLeft(t)
	first, _ := l.next(engine.Config{})
	id, err := first.Execute(t.Context(), engine.Request{Command: engine.Shell("echo out; exit 3")})
	if err != nil {
		t.Fatal(err)
	}
	before, err := first.Wait(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.List(t.Context(), engine.Filter{}); err != nil {
		t.Fatal(err)
	}
	second, _ := l.next(engine.Config{})
	x, err := second.Get(t.Context(), id)
	if err != nil || x.Status != engine.Failed || x.ExitCode != 3 {
		t.Errorf("%v, %+v", err, x)
	}
	r, err := second.Wait(t.Context(), id)
	if err != nil || r.ExitCode != 3 || r.Stdout != "" || r.Output.StdoutBytes != before.Output.StdoutBytes {
		t.Errorf("%v, %+v", err, r)
	}
	for _, err := range second.Output(t.Context(), id, 0) {
		if !errors.Is(err, engine.ErrExpired) {
			t.Errorf("its output: %v", err)
		}
	}
	if err := second.Cancel(t.Context(), id, engine.Cancellation{}); !errors.Is(err, engine.ErrFinished) {
		t.Errorf("cancel: %v", err)
	}
}

// Who was cancelled in the queue was cancelled, whatever becomes of the program: the
// store knows before anybody is told.
func TestStore_HasEndingsOfTheQueueBeforeTheyAreSeen(t *testing.T) {
	t.Parallel()
	l := newLeft(t)
	e, _ := l.next(engine.Config{MaxConcurrent: 1})
	running, err := e.Execute(t.Context(), engine.Request{Command: engine.Shell("sleep 60")})
	if err != nil {
		t.Fatal(err)
	}
	id, err := e.Execute(t.Context(), engine.Request{Command: engine.Shell("echo never")})
	if err != nil {
		t.Fatal(err)
	}
	who := engine.Actor{Kind: engine.Human, Name: "ann"}
	if err := e.Cancel(t.Context(), id, engine.Cancellation{Actor: who}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Wait(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	rec, err := l.Get(t.Context(), id)
	if err != nil || rec.Result == nil || rec.Result.Status != engine.Cancelled || rec.Result.CancelledBy != who {
		t.Errorf("%v, %+v", err, rec)
	}
	if err := e.Cancel(t.Context(), running, engine.Cancellation{Force: true}); err != nil {
		t.Fatal(err)
	}
}

// What is found out to be secret later is not in the store any more when AddSecrets
// returns; what waits is masked with it, by the next engine too.
func TestStore_ForgetsSecretsThatAreAdded(t *testing.T) {
	t.Parallel()
	l := newLeft(t)
	e, _ := l.next(engine.Config{MaxConcurrent: 1})
	runs, waits := start(t, e, bash("sleep 60", secret)), start(t, e, bash("echo it is $1", secret))
	until(t, e, runs, isStart)
	for _, id := range []engine.ID{runs, waits} {
		wantError(t, "add", e.AddSecrets(t.Context(), id, secret, "one more of them"), nil)
	}
	if _, err := e.List(t.Context(), engine.Filter{}); err != nil { // the store knows what runs
		t.Fatal(err)
	}
	p, err := l.List(t.Context(), engine.Filter{Text: secret, Total: true})
	if err != nil || p.Total != 0 {
		t.Errorf("they are found by their secret: %+v, %v", p, err)
	}
	rec, err := l.Get(t.Context(), runs)
	if err != nil || rec.Whole || strings.Contains(rec.Request.Command.String(), secret) {
		t.Errorf("of what runs is kept %v, %v", rec.Request.Command, err)
	}
	rec, err = l.Get(t.Context(), waits)
	if want := []string{secret, "one more of them"}; err != nil || !rec.Whole || !slices.Equal(rec.Request.Secrets, want) {
		t.Errorf("what waits has the secrets %q, want %q: %v", rec.Request.Secrets, want, err)
	}
	after := newLeft(t)
	rec.Request.ID = waits
	after.accepted(rec.Request)
	next, _ := after.next(engine.Config{})
	if r, err := next.Wait(t.Context(), waits); err != nil || r.Stdout != "it is [REDACTED]\n" {
		t.Errorf("the next engine: %+v, %v", r, err)
	}
	for _, id := range []engine.ID{waits, runs} {
		wantError(t, "cancel", e.Cancel(t.Context(), id, engine.Cancellation{Force: true}), nil)
	}
}

// A store that fails is no reason to show a secret, and whoever adds it is told.
func TestStore_ThatFailsHasSecretsMaskedAllTheSame(t *testing.T) {
	t.Parallel()
	l := newLeft(t)
	e, _ := l.next(engine.Config{})
	id := start(t, e, bash("sleep 60", secret))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	err := e.AddSecrets(t.Context(), id, secret)
	if !errors.Is(err, engine.ErrClosed) || engine.Hint(err) == "" || strings.Contains(err.Error(), secret) {
		t.Errorf("got %v", err)
	}
	x, err := e.Get(t.Context(), id)
	if err != nil || strings.Contains(x.Command, secret) {
		t.Errorf("it is shown as %s, %v", x.Command, err)
	}
	wantError(t, "cancel", e.Cancel(t.Context(), id, engine.Cancellation{Force: true}), nil)
}
