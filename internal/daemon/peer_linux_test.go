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
func TestRPC03_OtherLocalUser(t *testing.T) {
	t.Parallel()
	if os.Getenv("CLOUDOPS_TEST_ROOT") != "1" || os.Geteuid() != 0 {
		t.Skip("needs root, and CLOUDOPS_TEST_ROOT=1")
	}
	dir := shortDir(t)
	path := filepath.Join(dir, "s")
	var log logged
	openLogged(t, daemon.Config{Ephemeral: true, StateDir: dir, Settings: daemon.Settings{Socket: path}}, &log)
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
	if !strings.Contains(log.String(), "user 65534 may not use the daemon of user 0") {
		t.Errorf("the log has %q", log.String())
	}
	if status, _ := ask(t, "unix://"+path, look("/healthz")); status != http.StatusOK {
		t.Errorf("and we get %d", status)
	}
}

// dialAs connects as another user: the kernel notes who the thread is.
func dialAs(t *testing.T, path string, uid uintptr) (c net.Conn) {
	t.Helper()
	as(t, uid, func() {
		var err error
		c, err = (&net.Dialer{}).DialContext(t.Context(), "unix", path)
		must(t, err)
	})
	return c
}

// as does something as another user, on this thread alone.
func as(t *testing.T, uid uintptr, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	same := ^uintptr(0)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, same, uid, same); errno != 0 {
		t.Skip("cannot become another user:", errno)
	}
	defer func() {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, same, 0, same); errno != 0 {
			t.Error(errno)
		}
	}()
	f()
}

// RPC-16: where nothing can be written there is no socket, and it is said why.
func TestRPC16_ReadOnlyFolder(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	try := func() {
		l, err := daemon.ListenSocket(t.Context(), filepath.Join(dir, "s"))
		if err == nil || !strings.Contains(err.Error(), "permission denied") || !strings.Contains(err.Error(), dir) {
			t.Errorf("%v, %v", l, err)
		}
	}
	if os.Geteuid() == 0 { // who may write everywhere
		must(t, os.Chown(dir, 65534, -1))
		must(t, os.Chmod(dir, 0o500))
		as(t, 65534, try)
		return
	}
	must(t, os.Chmod(dir, 0o500))
	try()
	must(t, os.Chmod(dir, 0o700))
}

// RPC-13: what is sent to somebody who has vanished is not sent for a quarter of an hour.
func TestRPC13_ConnectionsKnowHowLongToTry(t *testing.T) {
	t.Parallel()
	l, err := daemon.ListenTCP(t.Context(), "127.0.0.1:0")
	must(t, err)
	defer shut(l)
	there, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	must(t, err)
	defer shut(there)
	here, err := l.Accept()
	must(t, err)
	defer shut(here)
	tcp, _ := here.(*net.TCPConn) // it was accepted so
	raw, err := tcp.SyscallConn()
	must(t, err)
	must(t, raw.Control(func(fd uintptr) {
		if ms, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT); err != nil || ms != 30_000 {
			t.Errorf("it tries for %d ms, %v", ms, err)
		}
	}))
}
