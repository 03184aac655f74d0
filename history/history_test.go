package history_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
	"github.com/escher-dbai/cloudops-engine/history"
)

// open opens a history that is closed at the end of the test.
func open(tb testing.TB, dir string, c history.Config) *history.Store {
	tb.Helper()
	s, err := history.Open(context.WithoutCancel(tb.Context()), dir, c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return s
}

// place is a directory for a history, which is not there yet.
func place(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "history")
}

func closeStore(t *testing.T, s *history.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func TestStore_PassesTheSuite(t *testing.T) {
	t.Parallel()
	durabilities := []history.Durability{history.PowerLoss, history.ProcessDeath}
	if !full() {
		durabilities = durabilities[:1] // they differ in one word to SQLite
	}
	for _, d := range durabilities {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			var dirs sync.Map
			openIn := func(t *testing.T, dir string) engine.Store {
				t.Helper()
				s := open(t, dir, history.Config{Durability: d})
				dirs.Store(s, dir)
				return s
			}
			enginetest.TestStore(t, func(t *testing.T) engine.Store {
				t.Helper()
				return openIn(t, place(t))
			}, func(t *testing.T, s engine.Store) engine.Store {
				t.Helper()
				dir, _ := dirs.Load(s)
				h, _ := s.(*history.Store)
				closeStore(t, h)
				return openIn(t, fmt.Sprint(dir))
			})
		})
	}
}

// acceptance is a new one for a command.
func acceptance(tb testing.TB, r engine.Request) engine.Acceptance {
	tb.Helper()
	id, err := newID()
	if r.ID == (engine.ID{}) {
		r.ID = id
	}
	if err != nil {
		tb.Fatal(err)
	}
	a, err := engine.NewAcceptance(r, time.Now(), plain)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// accept has a new request accepted.
func accept(tb testing.TB, s engine.Store, r engine.Request) engine.ID {
	tb.Helper()
	a := acceptance(tb, r)
	if known, err := s.Accept(tb.Context(), a); known || err != nil {
		tb.Fatalf("accept: known %t, %v", known, err)
	}
	return a.Execution.ID
}

// total is how many executions there are.
func total(t *testing.T, s engine.Store) int {
	t.Helper()
	p, err := s.List(t.Context(), engine.Filter{Total: true})
	if err != nil {
		t.Fatal(err)
	}
	return p.Total
}

// blocked holds the lock to write to a history as another program would, until it
// is released.
func blocked(t *testing.T, dir string) (release func()) {
	t.Helper()
	db := raw(t, filepath.Join(dir, "history.db"))
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

// raw is a database without us.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestStore_KeepsAThousandByOneSync(t *testing.T) {
	t.Parallel()
	s := open(t, place(t), history.Config{})
	before, all := s.Commits(), make([]engine.Acceptance, 1000)
	for i := range all {
		all[i] = acceptance(t, engine.Request{Command: engine.Exec("echo", fmt.Sprint(i))})
	}
	for _, a := range s.AcceptAll(t.Context(), all) {
		if a.Known || a.Err != nil {
			t.Errorf("got %+v", a)
		}
	}
	if n := s.Commits() - before; n != 1 || total(t, s) != len(all) {
		t.Errorf("%d are there after %d commits", total(t, s), n)
	}
}

func TestStore_SharesASyncAmongAHundred(t *testing.T) {
	t.Parallel()
	dir := place(t)
	s := open(t, dir, history.Config{})
	before := s.Commits()
	release := blocked(t, dir)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Accept(ended, acceptance(t, engine.Request{Command: engine.Exec("true")})); err == nil {
		t.Fatal("it was acknowledged while it could not be written")
	}
	for s.Waiting() > 0 { // until the writer has that one, and waits for the lock
		runtime.Gosched()
	}
	acceptances := make([]engine.Acceptance, 100)
	for i := range acceptances {
		acceptances[i] = acceptance(t, engine.Request{Command: engine.Exec("echo", fmt.Sprint(i))})
	}
	var all sync.WaitGroup
	for i := range acceptances {
		all.Go(func() {
			if _, err := s.Accept(t.Context(), acceptances[i]); err != nil {
				t.Error(err)
			}
		})
	}
	for s.Waiting() < len(acceptances) {
		runtime.Gosched()
	}
	release()
	all.Wait()
	if n := s.Commits() - before; n != 2 {
		t.Errorf("one acceptance and then 100 at once took %d commits, want 2", n)
	}
	if n := total(t, s); n != 101 {
		t.Errorf("%d are there, want 101", n)
	}
}

func TestStore_TellsWhatBecameOfAnInterruptedCall(t *testing.T) {
	t.Parallel()
	dir := place(t)
	s := open(t, dir, history.Config{})
	release := blocked(t, dir)
	a := acceptance(t, engine.Request{Command: engine.Exec("true")})
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the caller went away")
	cancel(gone)
	if _, err := s.Accept(ctx, a); !errors.Is(err, gone) {
		t.Errorf("want the cause of the context, got %v", err)
	}
	release()
	if known, err := s.Accept(t.Context(), a); !known || err != nil {
		t.Errorf("the same again: want it known, got %t, %v", known, err)
	}
}

func TestStore_IsSharedByPrograms(t *testing.T) {
	t.Parallel()
	dir := place(t)
	stores := []*history.Store{open(t, dir, history.Config{}), open(t, dir, history.Config{}), open(t, dir, history.Config{Durability: history.ProcessDeath})}
	ids := make([]engine.ID, 90)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() { ids[i] = accept(t, stores[i%3], engine.Request{Command: engine.Exec("echo", fmt.Sprint(i))}) })
	}
	all.Wait()
	for _, s := range stores {
		if n := total(t, s); n != len(ids) {
			t.Errorf("one program sees %d of %d", n, len(ids))
		}
		for _, id := range ids {
			if r, err := s.Get(t.Context(), id); err != nil || !r.Whole {
				t.Errorf("%s: whole %t, %v", id, r.Whole, err)
			}
		}
	}
}

func TestStore_IsClosedOnce(t *testing.T) {
	t.Parallel()
	s := open(t, place(t), history.Config{})
	id := accept(t, s, engine.Request{Command: engine.Exec("true")})
	closeStore(t, s)
	closeStore(t, s)
	_, accepting := s.Accept(t.Context(), acceptance(t, engine.Request{Command: engine.Exec("true")}))
	_, getting := s.Get(t.Context(), id)
	_, listing := s.List(t.Context(), engine.Filter{})
	_, deleting := s.Delete(t.Context(), engine.Deletion{IDs: []engine.ID{id}})
	for what, err := range map[string]error{
		"accept": accepting, "get": getting, "list": listing, "delete": deleting,
		"note": s.Note(t.Context(), engine.Change{ID: id, Status: engine.Running, At: time.Now()}),
	} {
		if !errors.Is(err, engine.ErrClosed) {
			t.Errorf("%s after Close: want ErrClosed, got %v", what, err)
		}
	}
}

// What a filter by type relies on: the program of a type is the same in every one.
func TestStore_FindsCloudToolsByTheirProgram(t *testing.T) {
	t.Parallel()
	s := open(t, place(t), history.Config{})
	for kind, command := range map[engine.CommandType]engine.Command{
		engine.CommandTypeAWS: engine.AWS("s3", "ls").Profile("p"), engine.CommandTypeGcloud: engine.Gcloud("projects", "list"),
		engine.CommandTypeAz: engine.Az("account", "show"), engine.CommandTypeKubectl: engine.Kubectl("get", "pods").Namespace("n"),
		engine.CommandTypeTerraform: engine.Terraform("plan"),
	} {
		id := accept(t, s, engine.Request{Command: command})
		accept(t, s, engine.Request{Command: engine.Exec("aws", "--version")})
		p, err := s.List(t.Context(), engine.Filter{Type: []engine.CommandType{kind}})
		if err != nil || len(p.Executions) != 1 || p.Executions[0].ID != id {
			t.Errorf("%s: want %s alone, got %v, %v", kind, id, p.Executions, err)
		}
	}
}

// A prefix of a few ids is found by the index, one of thousands by walking: both come
// in pages.
func TestStore_FindsByThePrefixOfAnID(t *testing.T) {
	t.Parallel()
	s := open(t, place(t), history.Config{Durability: history.ProcessDeath})
	const all = 2500
	fill(t, s, 0, all, true)
	for prefix, want := range map[string]int{
		"01": all, "0100-000-001": 256, idOf(300).String(): 1, idOf(300).String()[:12]: 16, "02": 0,
	} {
		f := engine.Filter{IDPrefix: prefix, Limit: 100, Total: true}
		found := map[engine.ID]bool{}
		for {
			p, err := s.List(t.Context(), f)
			if err != nil || p.Total != want {
				t.Fatalf("%s: want %d in all, got %d, %v", prefix, want, p.Total, err)
			}
			for _, x := range p.Executions {
				found[x.ID] = true
			}
			if f.After = p.Next; p.Next == "" {
				break
			}
		}
		if len(found) != want {
			t.Errorf("%s: the pages have %d executions, want %d", prefix, len(found), want)
		}
	}
}

func TestDelete_GivesTheDiskBack(t *testing.T) {
	t.Parallel()
	dir := filled(t, 2000)
	size := func() int64 {
		at, err := os.Stat(filepath.Join(dir, "history.db"))
		if err != nil {
			t.Fatal(err)
		}
		return at.Size()
	}
	before := size()
	s := open(t, dir, history.Config{})
	if n, err := s.Delete(t.Context(), engine.Deletion{Keep: 100}); n != 1900 || err != nil {
		t.Errorf("%d were deleted, %v", n, err)
	}
	closeStore(t, s)
	if after := size(); after > before/3 {
		t.Errorf("the file has %d bytes after 19 of 20 were deleted, %d before", after, before)
	}
}
