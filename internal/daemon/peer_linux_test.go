package daemon_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// RPC-03: another user is refused also where somebody has opened the socket and its folder
// to all.
func TestDaemon_RefusesOtherUsers(t *testing.T) {
	t.Parallel()
	if os.Getenv("CLOUDOPS_TEST_ROOT") != "1" || os.Geteuid() != 0 {
		t.Skip("needs root, and CLOUDOPS_TEST_ROOT=1")
	}
	dir := shortDir(t)
	path := filepath.Join(dir, "s")
	open(t, daemon.Config{Ephemeral: true, StateDir: dir, Settings: daemon.Settings{Socket: path}})
	must(t, os.Chmod(dir, 0o777))
	must(t, os.Chmod(path, 0o777))
	c := dialAs(t, path, 65534)
	defer func() { must(t, c.Close()) }()
	if _, err := c.Write([]byte("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	answer := readAll(t, c)
	if !strings.HasPrefix(answer, "HTTP/1.1 403 ") || !strings.Contains(answer, `"permission_denied"`) || !strings.Contains(answer, "user 65534") {
		t.Error(answer)
	}
	if status, _ := ask(t, "unix://"+path, look("/healthz")); status != http.StatusOK {
		t.Errorf("and we get %d", status)
	}
}

// dialAs connects as another user: the kernel notes who the thread is.
func dialAs(t *testing.T, path string, uid uintptr) net.Conn {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	same := ^uintptr(0)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, same, uid, same); errno != 0 {
		t.Skip("cannot become another user:", errno)
	}
	c, err := (&net.Dialer{}).DialContext(t.Context(), "unix", path)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, same, 0, same); errno != 0 {
		t.Fatal(errno)
	}
	must(t, err)
	return c
}
