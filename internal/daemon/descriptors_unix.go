//go:build unix

package daemon

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// mostDescriptors is how many files this process may have open.
func mostDescriptors() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return math.MaxInt
	}
	return int(min(limit.Cur, math.MaxInt32))
}

// lend returns copies of the descriptors of a listener, and its path where it is a socket
// of ours: then the second is its lock, which is held as long as one of the copies is open.
func lend(l net.Listener) (path string, files []*os.File, err error) {
	switch l := l.(type) {
	case *socket:
		f, err := l.File()
		if err != nil {
			return "", nil, err
		}
		lock, err := duplicate(l.lock, l.lock.Name())
		if err != nil {
			return "", nil, errors.Join(err, f.Close())
		}
		return l.path, []*os.File{f, lock}, nil
	case interface{ File() (*os.File, error) }:
		f, err := l.File()
		if err != nil {
			return "", nil, err
		}
		return "", []*os.File{f}, nil
	}
	return "", nil, errors.ErrUnsupported
}

// duplicate opens a file a second time: its lock is one and the same.
func duplicate(f *os.File, name string) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// adopt makes a listener of lent descriptors. The path and the lock of a socket are not its
// to remove before it serves.
func adopt(path string, files []*os.File) (net.Listener, error) {
	l, err := net.FileListener(files[0])
	if path == "" || err != nil {
		return l, err
	}
	u, ok := l.(*net.UnixListener)
	if !ok {
		return nil, errors.Join(errors.New("not a unix socket"), l.Close())
	}
	lock, err := duplicate(files[1], path+lockSuffix)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &socket{UnixListener: u, path: path, lock: lock}
	s.file, _ = os.Lstat(path) // one that was removed is not ours to remove
	s.lent.Store(true)
	s.shut = sync.OnceValue(s.leave)
	return s, nil
}

// keep has a listener leave its path and its lock to the next when it is closed.
func keep(l net.Listener) {
	if s, ok := l.(*socket); ok {
		s.lent.Store(true)
	}
}

// own makes an adopted socket ours.
func own(l net.Listener) error {
	s, ok := l.(*socket)
	if !ok || !s.lent.CompareAndSwap(true, false) {
		return nil
	}
	return sign(s.lock)
}

// sendFiles sends a line, with descriptors.
func sendFiles(c net.Conn, line []byte, files []*os.File) error {
	u, err := unixConn(c)
	if err != nil {
		return err
	}
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	n, _, err := u.WriteMsgUnix(line, syscall.UnixRights(fds...), nil)
	if err == nil {
		_, err = u.Write(line[n:])
	}
	return err
}

// mostFiles is how many descriptors may come.
const mostFiles = 64

// receiveFiles receives a line, and the descriptors that come with it, which are open also
// where there is an error.
func receiveFiles(c net.Conn) (line []byte, files []*os.File, err error) {
	u, err := unixConn(c)
	if err != nil {
		return nil, nil, err
	}
	buffer, rights := make([]byte, 4<<10), make([]byte, syscall.CmsgSpace(4*mostFiles))
	for {
		n, m, _, _, err := u.ReadMsgUnix(buffer, rights)
		if n == 0 && err == nil {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, files, err
		}
		files = append(files, filesIn(rights[:m])...)
		if line = append(line, buffer[:n]...); bytes.HasSuffix(line, []byte{'\n'}) {
			return line, files, nil
		}
	}
}

func filesIn(rights []byte) (files []*os.File) {
	messages, _ := syscall.ParseSocketControlMessage(rights) // what is none has none
	for i := range messages {
		fds, _ := syscall.ParseUnixRights(&messages[i]) // likewise
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "handed over"))
		}
	}
	return files
}
