//go:build unix

package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// RPC-02: somebody looks all the time while a daemon starts a thousand times with a umask
// that forbids nothing, and never sees a socket, or its folder, that is open to others.
func TestRPC02_SocketModeAtEveryInstant(t *testing.T) { //nolint:paralleltest // the umask is that of all
	defer syscall.Umask(syscall.Umask(0))
	dir := filepath.Join(shortDir(t), "made")
	path := filepath.Join(dir, "s")
	group := lifecycle.New()
	seen, loose := 0, map[string]fs.FileMode{}
	group.Go(func(ctx context.Context) {
		for ctx.Err() == nil {
			for _, p := range []string{dir, path, path + ".lock"} {
				if stat, err := os.Lstat(p); err == nil {
					seen++
					if stat.Mode().Perm()&0o077 != 0 {
						loose[p] = stat.Mode()
					}
				}
			}
		}
	})
	for range 1000 {
		l, err := daemon.ListenSocket(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if stat, err := os.Lstat(path); err != nil || stat.Mode() != fs.ModeSocket|0o600 {
			t.Fatalf("%v, %v", stat.Mode(), err)
		}
		if err := errors.Join(l.Close(), l.Close()); err != nil {
			t.Fatal(err)
		}
	}
	group.Stop(nil)
	group.Wait()
	if len(loose) > 0 || seen == 0 {
		t.Errorf("of %d looks these were open to others: %v", seen, loose)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("there is left %v, %v", left, err)
	}
}

// RPC-16: what is at the path and is not our dead socket stays, and is told apart.
func TestRPC16_SocketPathTrouble(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"a file":        {func(t *testing.T, path string) { t.Helper(); must(t, os.WriteFile(path, []byte("mine"), 0o600)) }, "something else than a socket"},
		"a symlink":     {func(t *testing.T, path string) { t.Helper(); must(t, os.Symlink("elsewhere", path)) }, "something else than a socket"},
		"a live socket": {func(t *testing.T, path string) { t.Helper(); listenAt(t, path, true) }, "another program listens there"},
		"a live daemon": {func(t *testing.T, path string) { t.Helper(); daemonAt(t, path) }, fmt.Sprintf("process %d listens there", os.Getpid())},
		"a dead socket": {func(t *testing.T, path string) { t.Helper(); listenAt(t, path, false) }, ""},
		"nothing":       {func(*testing.T, string) {}, ""},
		"a folder":      {func(t *testing.T, path string) { t.Helper(); must(t, os.Mkdir(path, 0o700)) }, "something else than a socket"},
		"no folder":     {func(t *testing.T, path string) { t.Helper(); must(t, os.Remove(filepath.Dir(path))) }, ""},
		"a symlink to a socket": {func(t *testing.T, path string) {
			t.Helper()
			listenAt(t, path+".there", false)
			must(t, os.Symlink(path+".there", path))
		}, "something else than a socket"},
		"an open folder": {func(t *testing.T, path string) { t.Helper(); must(t, os.Chmod(filepath.Dir(path), 0o750)) }, "has mode 0750, others can use it"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(shortDir(t), "s")
			c.make(t, path)
			before, _ := os.Lstat(path)
			l, err := daemon.ListenSocket(t.Context(), path)
			if c.want == "" {
				must(t, err)
				must(t, l.Close())
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || engine.Hint(err) == "" {
				t.Errorf("%v, hint %q; want …%s…", err, engine.Hint(err), c.want)
			}
			if after, _ := os.Lstat(path); before != nil && !os.SameFile(before, after) {
				t.Error("what was there is gone")
			}
		})
	}
	long := filepath.Join(shortDir(t), strings.Repeat("x", 100))
	if _, err := daemon.ListenSocket(t.Context(), long); err == nil || !strings.Contains(err.Error(), "at most 96 are possible") {
		t.Errorf("a long path: %v", err)
	}
}

// listenAt makes a socket that no daemon has made.
func listenAt(t *testing.T, path string, live bool) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	l.SetUnlinkOnClose(false)
	if live {
		t.Cleanup(func() { _ = l.Close() })
		return
	}
	must(t, l.Close())
}

func daemonAt(t *testing.T, path string) {
	t.Helper()
	l, err := daemon.ListenSocket(t.Context(), path)
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
}
