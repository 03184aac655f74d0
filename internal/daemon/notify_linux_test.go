package daemon_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A service manager hands over a socket, and hears when it is served. What the daemon
// starts knows of neither.
func TestTakeListeners_AreServed(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	path, told := filepath.Join(dir, "s"), filepath.Join(dir, "n")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	l.SetUnlinkOnClose(false)
	must(t, os.Chmod(path, 0o600))
	handed, err := l.File()
	must(t, err)
	must(t, l.Close())
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: told, Net: "unixgram"})
	must(t, err)
	defer func() { must(t, manager.Close()) }()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ exec "$0"`, self)
	cmd.Env = append(os.Environ(), helperVariable+"="+dir, "LISTEN_FDS=1", "NOTIFY_SOCKET="+told)
	cmd.ExtraFiles, cmd.Stderr = []*os.File{handed}, os.Stderr
	stdin, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	must(t, handed.Close())
	words := make([]byte, 100)
	n, err := manager.Read(words)
	if err != nil || string(words[:n]) != "READY=1" {
		t.Fatalf("%q, %v", words[:n], err)
	}
	if status, text := ask(t, "unix://"+path, look("/readyz")); status != 200 || text != "ok\n" {
		t.Errorf("%d %q", status, text)
	}
	must(t, stdin.Close())
	must(t, cmd.Wait())
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket was not its to remove: %v", err)
	}
}
