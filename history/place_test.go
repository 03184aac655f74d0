//go:build unix

package history_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/history"
)

// refused opens what must be refused, with a hint.
func refused(t *testing.T, dir string, want error, hint string) {
	t.Helper()
	s, err := history.Open(t.Context(), dir, history.Config{})
	if err == nil {
		closeStore(t, s)
	}
	if !errors.Is(err, want) || !strings.Contains(engine.Hint(err), hint) {
		t.Errorf("want %q with a hint of %q, got %v, hint %q", want, hint, err, engine.Hint(err))
	}
}

// RES-10: nobody else can look into it.
func TestOpen_MakesPrivateFiles(t *testing.T) {
	t.Parallel()
	dir := place(t)
	s := open(t, dir, history.Config{})
	accept(t, s, engine.Request{Command: engine.Exec("true"), Secrets: []string{"hunter2hunter2"}})
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at, err := d.Info()
		if err == nil && at.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, at.Mode())
		}
		files++
		return err
	})
	if err != nil || files < 5 { // the directory, database, log, key, lock
		t.Errorf("%d files, %v", files, err)
	}
}

// CRASH-16.
func TestOpen_RefusesWhatOthersCanUse(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "history.db", "history.key", "history.lock"} {
		dir := place(t)
		closeStore(t, open(t, dir, history.Config{}))
		path := filepath.Join(dir, name)
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
		want := "chmod 600 " + path
		if name == "" {
			want = "chmod 700 " + dir
		}
		refused(t, dir, history.ErrUnsafe, want)
	}
}

func TestOpen_RefusesWhatIsNoFileOfOurs(t *testing.T) {
	t.Parallel()
	dir := place(t)
	closeStore(t, open(t, dir, history.Config{}))
	path := filepath.Join(dir, "history.db")
	if err := os.Rename(path, path+".elsewhere"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path+".elsewhere", path); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, history.ErrUnsafe, "")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := history.Open(t.Context(), file, history.Config{}); err == nil {
		t.Error("a file was opened as a directory")
	}
}

func TestOpen_RefusesTheDirectoryOfAnother(t *testing.T) {
	t.Parallel()
	if os.Getenv("CLOUDOPS_TEST_ROOT") != "1" {
		t.Skip("needs root: CLOUDOPS_TEST_ROOT=1")
	}
	dir := place(t)
	closeStore(t, open(t, dir, history.Config{}))
	if err := os.Chown(dir, 12345, -1); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, history.ErrUnsafe, "directory of your own")
}

// Secrets are on the disk only under the key, and after the start not at all.
func TestStore_WritesNoSecrets(t *testing.T) {
	t.Parallel()
	dir := place(t)
	s := open(t, dir, history.Config{})
	secrets := []string{"hunter2hunter2", "correct horse", "from stdin"}
	id := accept(t, s, engine.Request{
		Command: engine.Exec("deploy"), Secrets: secrets[:1], Env: map[string]string{"DB_PASSWORD": secrets[1]}, Stdin: []byte(secrets[2]),
	})
	look := func(when string) {
		t.Helper()
		names, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(names) < 3 {
			t.Fatal(names, err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range secrets {
				if bytes.Contains(data, []byte(secret)) {
					t.Errorf("%s, %s has %q", when, name, secret)
				}
			}
		}
	}
	look("pending")
	sealed := func() (n int) {
		t.Helper()
		err := raw(t, filepath.Join(dir, "history.db")).QueryRowContext(t.Context(), "SELECT count(*) FROM execution WHERE whole IS NOT NULL").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := sealed(); n != 1 {
		t.Errorf("%d whole requests are kept before the start", n)
	}
	if err := s.Note(t.Context(), engine.Change{ID: id, Status: engine.Running}); err != nil {
		t.Fatal(err)
	}
	if n := sealed(); n != 0 {
		t.Errorf("%d whole requests are kept after the start", n)
	}
	closeStore(t, s)
	look("after the end")
}

func TestOpen_TellsThatTheKeyIsLost(t *testing.T) {
	t.Parallel()
	dir := place(t)
	s := open(t, dir, history.Config{})
	r := engine.Request{ID: engine.ID{1}, Command: engine.Exec("deploy"), Secrets: []string{"hunter2hunter2"}}
	id := accept(t, s, r)
	simple := accept(t, s, engine.Request{Command: engine.Exec("true")})
	closeStore(t, s)
	if err := os.Remove(filepath.Join(dir, "history.key")); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, history.Config{})
	if !s.Report().KeyLost {
		t.Error("it is not told")
	}
	if got, err := s.Get(t.Context(), id); err != nil || got.Whole || !slices.Equal(got.Missing(), []string{engine.MissingSecrets}) {
		t.Errorf("want it without its secrets and not whole, got whole %t, %v, %v", got.Whole, got.Request, err)
	}
	if got, err := s.Get(t.Context(), simple); err != nil || !got.Whole {
		t.Errorf("one without secrets: whole %t, %v", got.Whole, err)
	}
	if _, err := s.Accept(t.Context(), acceptance(t, r)); !errors.Is(err, engine.ErrConflict) {
		t.Errorf("the same id: want ErrConflict, got %v", err)
	}
	closeStore(t, s)
	if s = open(t, dir, history.Config{}); s.Report().KeyLost {
		t.Error("it is told again")
	}
}
