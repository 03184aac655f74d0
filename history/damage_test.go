package history_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/history"
)

// filled is the directory of a closed history with n finished executions.
func filled(t *testing.T, n int) string {
	t.Helper()
	dir := place(t)
	s := open(t, dir, history.Config{Durability: history.ProcessDeath})
	fill(t, s, 0, n, false)
	closeStore(t, s)
	return dir
}

// copyOf is a copy of a directory.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := place(t)
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return errors.Join(err, os.Chmod(path, 0o600))
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// change changes the database file in a directory, which was not checked for a day.
func change(t *testing.T, dir string, f func(data []byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, "history.db")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, f(data), 0o600); err != nil {
		t.Fatal(err)
	}
	checked(t, dir, 25*time.Hour)
}

// checked has a history be one that was checked whole so long ago.
func checked(t *testing.T, dir string, ago time.Duration) {
	t.Helper()
	if err := os.Chtimes(filepath.Join(dir, "history.lock"), time.Time{}, time.Now().Add(-ago)); err != nil {
		t.Fatal(err)
	}
}

func TestOpen_SetsADamagedHistoryAside(t *testing.T) {
	t.Parallel()
	whole := filled(t, 500)
	for name, damage := range map[string]func(data []byte) []byte{
		"garbled header":  func(data []byte) []byte { return append([]byte("this is no database"), data[19:]...) },
		"other text":      func([]byte) []byte { return []byte(strings.Repeat("text\n", 1000)) },
		"half":            func(data []byte) []byte { return data[:len(data)/2/4096*4096] },
		"torn page":       func(data []byte) []byte { return data[:len(data)-1000] },
		"a page of zeros": func(data []byte) []byte { clear(data[8*4096 : 9*4096]); return data },
		"schema of noise": func(data []byte) []byte { copy(data[100:], bytes.Repeat([]byte{0xa5}, 3000)); return data },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copyOf(t, whole)
			change(t, dir, damage)
			var damaged []byte
			change(t, dir, func(data []byte) []byte { damaged = bytes.Clone(data); return data })
			s := open(t, dir, history.Config{})
			r := s.Report()
			if r.SetAside == "" || r.Damage == "" || !strings.HasPrefix(r.SetAside, filepath.Join(dir, "history.db.damaged-")) {
				t.Fatalf("it is not set aside: %+v", r)
			}
			if kept, err := os.ReadFile(r.SetAside); err != nil || !bytes.Equal(kept, damaged) {
				t.Errorf("what was set aside is not what was there: %v", err)
			}
			if n := total(t, s); n != 0 {
				t.Errorf("the new one has %d", n)
			}
			accept(t, s, engine.Request{Command: engine.Exec("true")})
			closeStore(t, s)
			if s = open(t, dir, history.Config{}); s.Report() != (history.Report{}) || total(t, s) != 1 {
				t.Errorf("opened again: %+v, %d", s.Report(), total(t, s))
			}
		})
	}
}

// Whatever bytes change: no panic, and either it is set aside or what is read is an
// error or a whole list.
func TestOpen_StandsAnyDamage(t *testing.T) {
	t.Parallel()
	whole := filled(t, 300)
	rounds := 30
	if full() {
		rounds = 5000
	}
	aside := 0
	for round := range rounds {
		dir := copyOf(t, whole)
		random := rand.New(rand.NewPCG(1, uint64(round)))
		change(t, dir, func(data []byte) []byte {
			for range 1 << random.IntN(8) {
				at := random.IntN(len(data))
				data[at] ^= byte(1 << random.IntN(8))
			}
			return data[:len(data)-random.IntN(3)*random.IntN(4096)]
		})
		if round%2 == 1 {
			checked(t, dir, 0) // and what is damaged is met where it is used
		}
		s, err := history.Open(t.Context(), dir, history.Config{})
		if err != nil {
			if !errors.Is(err, history.ErrForeign) && !errors.Is(err, history.ErrNewer) {
				t.Errorf("round %d: %v", round, err) // those two are what the header says
			}
			continue
		}
		if s.Report().SetAside != "" {
			aside++
		}
		exercise(t, s)
		if err := s.Close(); err != nil {
			t.Logf("round %d: close: %v", round, err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if aside < rounds/6 {
		t.Errorf("%d of %d were set aside: this proves little", aside, rounds)
	}
}

// exercise does all that can be done, whatever comes of it.
func exercise(t *testing.T, s *history.Store) {
	t.Helper()
	for i := 0; i < 300; i += 7 {
		_, _ = s.Get(t.Context(), idOf(i))
	}
	for _, f := range []engine.Filter{{Total: true}, {Source: "chat"}, {Status: []engine.Status{engine.Failed}}, {Text: "x", Total: true}} {
		_, _ = s.List(t.Context(), f)
	}
	_, _ = s.Accept(t.Context(), acceptance(t, engine.Request{Command: engine.Exec("true")}))
	_, _ = s.Delete(t.Context(), engine.Deletion{Keep: 10})
}

// A large history is not read whole at every start; what is found wrong in it later
// is looked into at the next.
func TestOpen_ChecksWhatWasFoundWrong(t *testing.T) {
	t.Parallel()
	dir := place(t)
	s := open(t, dir, history.Config{Durability: history.ProcessDeath})
	big := strings.Repeat("x", 1<<20)
	for range 2 + history.CheckedDaily/(2<<20) { // a request has its text, and its command once more
		accept(t, s, engine.Request{Command: engine.Exec("echo", big)})
	}
	last := accept(t, s, engine.Request{Command: engine.Exec("true")})
	closeStore(t, s)
	change(t, dir, func(data []byte) []byte {
		if len(data) < history.CheckedDaily {
			t.Fatalf("it has %d bytes only", len(data))
		}
		for page := 20; page < len(data)/4096; page++ { // everything but the schema and the first rows
			clear(data[page*4096 : page*4096+8])
		}
		return data
	})
	s = open(t, dir, history.Config{})
	if s.Report().SetAside != "" {
		t.Fatal("it was read whole")
	}
	_, getting := s.Get(t.Context(), last)
	checking := s.Check(t.Context())
	if !errors.Is(checking, history.ErrDamaged) {
		t.Errorf("check: want ErrDamaged, got %v", checking)
	}
	t.Logf("get: %v", getting)
	closeStore(t, s)
	if s = open(t, dir, history.Config{}); s.Report().SetAside == "" {
		t.Error("it is not set aside")
	}
}

// One that is neither small nor large is read whole once a day.
func TestOpen_ChecksOnceADay(t *testing.T) {
	t.Parallel()
	dir := place(t)
	s := open(t, dir, history.Config{Durability: history.ProcessDeath})
	accept(t, s, engine.Request{Command: engine.Exec("echo", strings.Repeat("x", history.CheckedAlways))})
	closeStore(t, s)
	change(t, dir, func(data []byte) []byte {
		clear(data[len(data)-8192:]) // in the middle of that text, and of what is after it
		return data
	})
	for age, want := range map[time.Duration]bool{time.Hour: false, -time.Hour: true, 25 * time.Hour: true} {
		checked(t, dir, age)
		whole, err := os.ReadFile(filepath.Join(dir, "history.db"))
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, dir, history.Config{})
		if got := s.Report().SetAside != ""; got != want {
			t.Errorf("checked %s ago, it is set aside: %t", age, got)
		}
		closeStore(t, s)
		if err := os.WriteFile(filepath.Join(dir, "history.db"), whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpen_LeavesADamagedHistoryThatIsInUse(t *testing.T) {
	t.Parallel()
	dir := filled(t, 10)
	s := open(t, dir, history.Config{})
	change(t, dir, func(data []byte) []byte { return append([]byte("this is no database"), data[19:]...) })
	second, err := history.Open(t.Context(), dir, history.Config{})
	if err == nil {
		closeStore(t, second)
	}
	if !errors.Is(err, history.ErrDamaged) || !strings.Contains(engine.Hint(err), "close every program") {
		t.Errorf("want ErrDamaged and a hint, got %v, %q", err, engine.Hint(err))
	}
	_ = s
	if names, _ := filepath.Glob(filepath.Join(dir, "*.damaged-*")); names != nil {
		t.Errorf("%v was set aside under a program that uses it", names)
	}
}

// The log of a database that is gone must not become that of a new one.
func TestOpen_SetsALogWithoutADatabaseAside(t *testing.T) {
	t.Parallel()
	dir := place(t)
	killed(t, dir, 50) // leaves a log
	if err := os.Remove(filepath.Join(dir, "history.db")); err != nil {
		t.Fatal(err)
	}
	if at, err := os.Stat(filepath.Join(dir, "history.db-wal")); err != nil || at.Size() == 0 {
		t.Fatal("there is no log: ", err)
	}
	s := open(t, dir, history.Config{})
	if n := total(t, s); n != 0 {
		t.Errorf("%d came back", n)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*.damaged-*-wal")); len(names) != 1 {
		t.Errorf("set aside: %v", names)
	}
}

// CRASH-15.
func TestOpen_RefusesANewerSchema(t *testing.T) {
	t.Parallel()
	dir := filled(t, 10)
	path := filepath.Join(dir, "history.db")
	db := raw(t, path)
	if _, err := db.ExecContext(t.Context(), "PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	refusedUnchanged(t, dir, history.ErrNewer)
}

func TestOpen_RefusesTheDatabaseOfAnotherProgram(t *testing.T) {
	t.Parallel()
	dir := place(t)
	closeStore(t, open(t, dir, history.Config{}))
	path := filepath.Join(dir, "history.db")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	db := raw(t, path)
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE theirs (x)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	refusedUnchanged(t, dir, history.ErrForeign)
}

func refusedUnchanged(t *testing.T, dir string, want error) {
	t.Helper()
	sum := func() string {
		data, err := os.ReadFile(filepath.Join(dir, "history.db"))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%x", sha256.Sum256(data))
	}
	before := sum()
	s, err := history.Open(t.Context(), dir, history.Config{})
	if err == nil {
		closeStore(t, s)
	}
	if !errors.Is(err, want) || engine.Hint(err) == "" {
		t.Errorf("want %v and a hint, got %v, %q", want, err, engine.Hint(err))
	}
	if sum() != before {
		t.Error("the file was changed")
	}
}

// A history of every version that was released opens: testdata/N is one of schema N,
// with executions in each status.
func TestOpen_ReadsEveryFormerVersion(t *testing.T) {
	t.Parallel()
	versions, err := filepath.Glob("testdata/schema/*")
	if err != nil || len(versions) == 0 {
		t.Fatal(versions, err)
	}
	for _, dir := range versions {
		s := open(t, copyOf(t, dir), history.Config{})
		if r := s.Report(); r.SetAside != "" || r.KeyLost {
			t.Errorf("%s: %+v", dir, r)
		}
		if n := total(t, s); n != 60 {
			t.Errorf("%s: %d are there, want 60", dir, n)
		}
		pending, err := s.List(t.Context(), engine.Filter{Status: []engine.Status{engine.Pending}})
		if err != nil || len(pending.Executions) != 10 {
			t.Fatalf("%s: %d wait, want 10; %v", dir, len(pending.Executions), err)
		}
		for _, x := range pending.Executions {
			if r, err := s.Get(t.Context(), x.ID); err != nil || !r.Whole || len(r.Request.Secrets) != 1 {
				t.Errorf("%s: %s: whole %t, %v", dir, x.ID, r.Whole, err)
			}
		}
	}
}

// With HISTORY_TEST_STORE=N a history is written to testdata/schema/N, to be kept.
func TestStored(t *testing.T) {
	version := os.Getenv("HISTORY_TEST_STORE")
	if version == "" {
		t.Skip("HISTORY_TEST_STORE=N writes testdata/schema/N anew")
	}
	dir := filepath.Join("testdata", "schema", version)
	s := open(t, dir, history.Config{})
	fill(t, s, 0, 50, false)
	for i := range 10 {
		accept(t, s, engine.Request{Command: engine.Exec("echo", fmt.Sprint(i)), Secrets: []string{"hunter2hunter2"}})
	}
	closeStore(t, s)
	if err := os.Remove(filepath.Join(dir, "history.lock")); err != nil {
		t.Fatal(err)
	}
}
