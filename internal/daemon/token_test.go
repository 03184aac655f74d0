package daemon_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

func TestTokens_KeepHashesForTheirOwnerAlone(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	tokens := daemon.TokensIn(dir)
	now := time.Now()
	secret, made, err := tokens.Create("ci", daemon.Operator, now, now.Add(time.Hour))
	must(t, err)
	if !strings.HasPrefix(secret, "cloudops_"+made.ID+"_") || len(secret) != len("cloudops_")+12+1+43 {
		t.Errorf("the token is %q", secret)
	}
	other, _, err := tokens.Create("", daemon.Viewer, now.Add(time.Second), now.Add(2*time.Second))
	must(t, err)
	err = filepath.WalkDir(tokens.Dir, func(path string, e fs.DirEntry, err error) error {
		must(t, err)
		stat, err := e.Info()
		must(t, err)
		if stat.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, stat.Mode())
		}
		if e.IsDir() {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, s := range []string{secret, other} {
			if strings.Contains(string(text), s[len(s)-20:]) {
				t.Errorf("%s has a secret in it", path)
			}
		}
		return err
	})
	must(t, err)
	all, err := tokens.List()
	if err != nil || len(all) != 2 || all[0] != made || all[1].Role != daemon.Viewer {
		t.Errorf("%+v, %v", all, err)
	}
	must(t, tokens.Revoke(made.ID))
	if all, _ := tokens.List(); len(all) != 1 {
		t.Errorf("after it was revoked: %+v", all)
	}
	for _, id := range []string{made.ID, "../../etc/passwd", "", strings.ToUpper(all[1].ID) + "0"} {
		if err := tokens.Revoke(id); err == nil || engine.Hint(err) == "" {
			t.Errorf("revoke %q: %v", id, err)
		}
	}
	must(t, os.WriteFile(filepath.Join(tokens.Dir, all[1].ID+".json"), []byte("{"), 0o600))
	if _, err := tokens.List(); err == nil || !strings.Contains(engine.Hint(err), "cloudops token revoke "+all[1].ID) {
		t.Errorf("one that cannot be read: %v", err)
	}
}

func TestTokens_AreNotMadeForNothing(t *testing.T) {
	t.Parallel()
	tokens := daemon.TokensIn(shortDir(t))
	now := time.Now()
	if _, _, err := tokens.Create("", daemon.Viewer, now, now); err == nil {
		t.Error("a token that has expired was made")
	}
	if _, _, err := tokens.Create("a\nb", daemon.Viewer, now, now.Add(time.Hour)); err == nil {
		t.Error("a name of two lines was taken")
	}
	if all, err := tokens.List(); len(all) != 0 || err != nil {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := daemon.ParseRole("root"); err == nil {
		t.Error("root is a role")
	}
}
