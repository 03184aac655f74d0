//go:build unix

package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	engine "github.com/escher-dbai/cloudops-engine"
)

// longestSocket is what a path may have: systems have room for 104 or 108 bytes, and
// the name that the socket has before it gets its own is longer.
const longestSocket = 96

// socket is a unix socket at a path that is ours as long as it is open.
type socket struct {
	*net.UnixListener

	path string
	file os.FileInfo // the socket at the path
	lock *os.File
	shut func() error
	// lent: path and lock are those of a daemon before us or behind us.
	lent atomic.Bool
}

// lockSuffix makes the path of its lock of that of a socket.
const lockSuffix = ".lock"

// listenSocket listens at a path, in a folder that nobody else can look into. The socket
// has mode 0600 when it comes to the path. One that a daemon left when it was killed is
// replaced; a live one, and whatever else is there, is not.
func listenSocket(ctx context.Context, path string) (*socket, error) {
	s := &socket{path: path}
	if len(path) > longestSocket {
		return nil, engine.Advise(fmt.Errorf("socket %s: the path has %d bytes, at most %d are possible", path, len(path), longestSocket), "name a shorter one with --socket")
	}
	if err := onlyOurs(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	var err error
	if s.lock, err = lockSocket(path + lockSuffix); err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	if err = vacant(ctx, path); err == nil {
		err = s.bind(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("socket %s: %w", path, err), s.unlock())
	}
	s.shut = sync.OnceValue(s.leave)
	return s, nil
}

// onlyOurs makes a folder where there is none, and refuses one that others can use.
func onlyOurs(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	stat, err := os.Stat(dir)
	if err != nil {
		return err
	}
	const hint = "name one in a folder of yours with mode 0700 with --socket"
	if owner, ok := stat.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Geteuid() {
		return engine.Advise(fmt.Errorf("%s belongs to another user", dir), hint)
	}
	if stat.Mode().Perm()&0o077 != 0 {
		return engine.Advise(fmt.Errorf("%s has mode %04o, others can use it", dir, stat.Mode().Perm()), hint)
	}
	return nil
}

// lockSocket takes the lock beside a socket, which a daemon holds for life. The lock file
// goes with it, so that one that was locked may be gone: then it is tried again.
func lockSocket(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = engine.Advise(fmt.Errorf("%s listens there already", holderOf(path)), "stop that daemon, or name another socket with --socket")
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		ours, err1 := f.Stat()
		there, err2 := os.Lstat(path)
		if err1 == nil && err2 == nil && os.SameFile(ours, there) {
			return f, sign(f)
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}

// sign writes who we are into a lock of ours.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// holderOf says who has a lock, as far as it has.
func holderOf(path string) string {
	text, _ := os.ReadFile(path)
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		return "process " + strconv.Itoa(pid)
	}
	return "another process"
}

// vacant says whether a socket may come to the path: there is nothing, or a socket of
// ours where nobody listens any more.
func vacant(ctx context.Context, path string) error {
	stat, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case stat.Mode().Type() != fs.ModeSocket:
		return engine.Advise(errors.New("there is something else than a socket"), "move it away, or name another path with --socket")
	}
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		return errors.Join(engine.Advise(errors.New("another program listens there"), "stop it, or name another path with --socket"), c.Close())
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return err
	}
	return nil
}

// bind makes the socket beside its path, closed to others from its first moment on where
// the system can do that, and moves it there.
func (s *socket) bind(ctx context.Context) error {
	next := fmt.Sprintf("%s.%d", s.path, os.Getpid()%1_000_000)
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	config := net.ListenConfig{Control: private}
	l, err := config.Listen(ctx, "unix", next)
	if err != nil {
		return err
	}
	listener, ok := l.(*net.UnixListener)
	if !ok {
		return errors.Join(errors.New("not a unix socket"), l.Close())
	}
	listener.SetUnlinkOnClose(false)
	s.UnixListener = listener
	if err = os.Chmod(next, 0o600); err == nil {
		if s.file, err = os.Lstat(next); err == nil {
			err = os.Rename(next, s.path)
		}
	}
	if err != nil {
		return errors.Join(err, listener.Close(), os.Remove(next))
	}
	return nil
}

// Close removes the socket, if it is still ours, and stops listening. It may be called
// twice.
func (s *socket) Close() error { return s.shut() }

func (s *socket) leave() error {
	if s.lent.Load() {
		return errors.Join(s.UnixListener.Close(), s.lock.Close())
	}
	var err error
	if there, gone := os.Lstat(s.path); gone == nil && os.SameFile(there, s.file) {
		err = os.Remove(s.path)
	}
	return errors.Join(err, s.UnixListener.Close(), s.unlock())
}

// unlock lets go of the lock, and of its file while it is locked: who opens it meanwhile
// finds that it is gone.
func (s *socket) unlock() error {
	return errors.Join(os.Remove(s.lock.Name()), s.lock.Close())
}
