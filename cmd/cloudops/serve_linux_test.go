package main_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/client"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// station is a home for a daemon that is the program itself.
type station struct {
	t             *testing.T
	dir, socket   string
	program       string // a link to this binary, which is the program under that name
	umask, prefix string // what the shell that starts it says before
	env           []string
	files         []*os.File
}

func newStation(t *testing.T) *station {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") //nolint:usetesting // its path is longer than that of a socket may be
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	self, err := os.Executable()
	must(t, err)
	s := &station{t: t, dir: dir, socket: filepath.Join(dir, "run", "s"), program: filepath.Join(dir, "cloudops"), umask: "0077"}
	must(t, os.Symlink(self, s.program))
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// state is its state directory.
func (s *station) state() string { return filepath.Join(s.dir, "state") }

// command is the program, started by a shell.
func (s *station) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(s.t.Context()), "sh", "-c", "umask "+s.umask+"; "+s.prefix+` exec "$0" "$@"`, s.program)
	cmd.Args = append(cmd.Args, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "GORACE=atexit_sleep_ms=10", "CLOUDOPS_STATE_DIR=" + s.state()}, s.env...)
	cmd.ExtraFiles = s.files
	return cmd
}

// serving is a daemon that listens.
type serving struct {
	*exec.Cmd

	addresses []string
	stderr    bytes.Buffer
	out       *bufio.Reader
}

// serve starts a daemon, and returns when it listens at so many addresses.
func (s *station) serve(addresses int, args ...string) *serving {
	s.t.Helper()
	d := &serving{Cmd: s.command(append([]string{"serve"}, args...)...)}
	d.Stderr = &d.stderr
	out, err := d.StdoutPipe()
	must(s.t, err)
	must(s.t, d.Start())
	d.out = bufio.NewReader(out)
	for range addresses {
		line, err := d.out.ReadString('\n')
		if err != nil {
			s.t.Fatalf("%v, %v: %s", err, d.Wait(), d.stderr.String())
		}
		d.addresses = append(d.addresses, strings.TrimSpace(strings.TrimPrefix(line, "listening at ")))
	}
	return d
}

// end ends it.
func (d *serving) end(t *testing.T) {
	t.Helper()
	must(t, d.Process.Signal(syscall.SIGTERM))
	if err := d.Wait(); err != nil {
		t.Errorf("it ended with %v: %s", err, d.stderr.String())
	}
}

// token makes a token, for which the state directory has to be one.
func (s *station) token() string {
	s.t.Helper()
	out, err := s.command("token", "create", "--role", "admin", "--expires", "1h").Output()
	must(s.t, err)
	return strings.TrimSpace(string(out))
}

// listening are the sockets of a process at which somebody can reach it, as ss -ltnup and
// ss -xl have them.
func listening(t *testing.T, pid int) (all []string) {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d/", pid)
	entries, err := os.ReadDir(proc + "fd")
	must(t, err)
	mine := map[string]bool{}
	for _, e := range entries {
		target, _ := os.Readlink(proc + "fd/" + e.Name()) // it may be closed meanwhile
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			mine[strings.TrimSuffix(inode, "]")] = true
		}
	}
	for _, kind := range []string{"tcp", "tcp6", "udp", "udp6", "raw", "unix"} {
		table, err := os.ReadFile(proc + "net/" + kind)
		must(t, err)
		for _, line := range strings.Split(string(table), "\n")[1:] {
			f := strings.Fields(line)
			switch {
			case kind == "unix" && len(f) > 7 && f[3] == "00010000" && mine[f[6]]:
				all = append(all, "unix "+f[7])
			case kind == "unix" || len(f) < 10 || !mine[f[9]]:
			case !strings.HasPrefix(kind, "tcp") || f[3] == "0A":
				all = append(all, kind+" "+f[1])
			}
		}
	}
	return all
}

// By default there is one socket in a file, and no other way in. With a port there is that
// one besides: the test sees such things.
func TestRPC01_WhatListensByDefault(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	d := s.serve(1, "--socket", s.socket)
	names := strings.Join(listening(t, d.Process.Pid), ", ")
	if !strings.HasPrefix(names, "unix "+s.socket+".") || strings.Contains(names, ",") { // it has the name that it was made with
		t.Errorf("it listens at %s", names)
	}
	d.end(t)
	s.token()
	d = s.serve(2, "--socket", s.socket, "--listen", "127.0.0.1:0")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(d.addresses[1], "http://"))
	must(t, err)
	n, err := strconv.Atoi(port)
	must(t, err)
	all := listening(t, d.Process.Pid)
	if want := fmt.Sprintf("tcp 0100007F:%04X", n); len(all) != 2 || all[0] != want {
		t.Errorf("it listens at %q, want %s and the socket", all, want)
	}
	d.end(t)
}

// Somebody looks all the time while the program starts many times with a umask that forbids
// nothing, and never sees anything of it that is open to others. CLOUDOPS_TEST_FULL=1 makes
// it a thousand times.
func TestRPC02_SocketModeAtEveryInstant(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.umask = "0"
	times := 10
	if os.Getenv("CLOUDOPS_TEST_FULL") == "1" {
		times = 1000
	}
	seen, loose := 0, map[string]fs.FileMode{}
	group := lifecycle.New()
	group.Go(func(ctx context.Context) {
		for ctx.Err() == nil {
			for _, p := range []string{filepath.Dir(s.socket), s.socket, s.socket + ".lock", s.state()} {
				if stat, err := os.Lstat(p); err == nil {
					seen++
					if stat.Mode().Perm()&0o077 != 0 {
						loose[p] = stat.Mode()
					}
				}
			}
		}
	})
	for range times {
		d := s.serve(1, "--socket", s.socket)
		if stat, err := os.Lstat(s.socket); err != nil || stat.Mode() != fs.ModeSocket|0o600 {
			t.Errorf("%v, %v", stat, err)
		}
		d.end(t)
	}
	group.Stop(nil)
	group.Wait()
	if len(loose) > 0 || seen == 0 {
		t.Errorf("of %d looks these were open to others: %v", seen, loose)
	}
	must(t, filepath.WalkDir(s.state(), func(path string, e fs.DirEntry, err error) error {
		if stat, _ := e.Info(); stat.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, stat.Mode())
		}
		return err
	}))
}

// handOver has the station start programs as a service manager does, with open listeners.
func (s *station) handOver(listeners ...interface{ File() (*os.File, error) }) {
	s.prefix = "LISTEN_PID=$$"
	s.env = append(s.env, fmt.Sprintf("LISTEN_FDS=%d", len(listeners)), "LISTEN_FDNAMES=a:b")
	for _, l := range listeners {
		f, err := l.File()
		must(s.t, err)
		s.t.Cleanup(func() { _ = f.Close() })
		s.files = append(s.files, f)
	}
}

func unixAt(t *testing.T, path string, mode fs.FileMode) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	l.SetUnlinkOnClose(false)
	t.Cleanup(func() { _ = l.Close() })
	if !strings.HasPrefix(path, "@") {
		must(t, os.Chmod(path, mode))
	}
	return l
}

// A service manager hands over a socket and a port, and hears when they are served, when the
// configuration is read and when the daemon ends. What that starts knows of none of it, and
// the socket stays the manager's.
func TestServe_IsActivatedBySockets(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.serve(1, "--socket", s.socket).end(t)
	secret := s.token()
	told := filepath.Join(s.dir, "n")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: told, Net: "unixgram"})
	must(t, err)
	defer func() { must(t, manager.Close()) }()
	hear := func() string {
		words := make([]byte, 200)
		n, err := manager.Read(words)
		must(t, err)
		return string(words[:n])
	}
	path := filepath.Join(s.dir, "handed")
	port, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	defer func() { must(t, port.Close()) }()
	s.handOver(unixAt(t, path, 0o600), port)
	s.env = append(s.env, "NOTIFY_SOCKET="+told)
	d := s.serve(2, "--socket", filepath.Join(s.dir, "other"), "--listen", "127.0.0.1:1")
	if want := []string{"unix://" + path, "http://" + port.Addr().String()}; d.addresses[0] != want[0] || d.addresses[1] != want[1] {
		t.Errorf("it listens at %q, want %q", d.addresses, want)
	}
	if said := hear(); said != daemon.NotifyReady {
		t.Errorf("it says %q", said)
	}
	c, err := client.New(d.addresses[0], client.Config{Patience: -1})
	must(t, err)
	defer c.Shutdown(t.Context()) //nolint:errcheck // it returns nil
	id, err := c.Execute(t.Context(), engine.Request{Command: engine.Shell("env; ls -l /proc/self/fd")})
	must(t, err)
	r, err := c.Wait(t.Context(), id)
	if err != nil || strings.Contains(r.Stdout, "LISTEN_") || strings.Contains(r.Stdout, "NOTIFY_") || strings.Contains(r.Stdout, "socket:") {
		t.Errorf("what it starts has %s, %v", r.Stdout, err)
	}
	remote := s.command("ps", "--host", d.addresses[1])
	remote.ExtraFiles = nil // to hand them over once more would have the daemon's block
	remote.Env = append(remote.Env, "CLOUDOPS_STATE_DIR=", "CLOUDOPS_TOKEN="+secret)
	if out, err := remote.CombinedOutput(); err != nil {
		t.Errorf("by the port: %v: %s", err, out)
	}
	must(t, d.Process.Signal(syscall.SIGHUP))
	if said := hear(); !strings.HasPrefix(said, "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("then it says %q", said)
	}
	if said := hear(); said != daemon.NotifyReady {
		t.Errorf("then it says %q", said)
	}
	d.end(t)
	if said := hear(); said != daemon.NotifyStopping {
		t.Errorf("in the end it says %q", said)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket was not its to remove: %v", err)
	}
}

// What is handed over has to keep to the rules of what it opens itself.
func TestServe_RefusesSocketsThatAreOpenToOthers(t *testing.T) {
	t.Parallel()
	abstract := fmt.Sprintf("@cloudops-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	for want, open := range map[string]func(s *station){
		"mode 0666, others can use it": func(s *station) { s.handOver(unixAt(t, filepath.Join(s.dir, "open"), 0o666)) },
		"has no file":                  func(s *station) { s.handOver(unixAt(t, abstract, 0)) },
		"there is no token with which": func(s *station) {
			l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
			must(t, err)
			t.Cleanup(func() { _ = l.Close() })
			s.handOver(l)
		},
		"is beyond this machine": func(s *station) {
			l, err := net.ListenTCP("tcp", &net.TCPAddr{})
			must(t, err)
			t.Cleanup(func() { _ = l.Close() })
			s.handOver(l)
		},
		`LISTEN_FDS is "many"`: func(s *station) { s.prefix, s.env = "LISTEN_PID=$$", append(s.env, "LISTEN_FDS=many") },
	} {
		s := newStation(t)
		open(s)
		out, err := s.command("serve", "--ephemeral", "--socket", s.socket).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: %s; want …%s…", err, out, want)
		}
	}
}
