package supervisor

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// longestLine is what a line of control may have; an order has no such bound, because it
// carries a whole stdin.
const longestLine = 1 << 20

// patience is how long a partner may take where it has nothing to wait for itself. It
// is for one that hangs.
const patience = 10 * time.Second

// lines are the lines of one connection. Any may write, one reads.
type lines struct {
	conn  *net.UnixConn
	ahead *bufio.Reader // below in, for a look at whether anything comes
	in    *bufio.Scanner

	mu sync.Mutex // held by who writes
}

func newLines(conn *net.UnixConn) *lines {
	l := &lines{conn: conn}
	l.readFrom(conn, longestLine)
	return l
}

// readFrom has the lines be read from in, which reads the connection.
func (l *lines) readFrom(in io.Reader, longest int) {
	l.ahead = bufio.NewReaderSize(in, 16) // the least; longer reads pass it by
	l.in = bufio.NewScanner(l.ahead)
	l.in.Buffer(nil, longest)
}

// silent reports whether nothing comes for so long. Nothing is read.
func (l *lines) silent(long time.Duration) bool {
	_ = l.conn.SetReadDeadline(time.Now().Add(long))
	_, err := l.ahead.Peek(1)
	_ = l.conn.SetReadDeadline(time.Time{})
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// dial connects to the socket of a supervisor.
func dial(path string) (*lines, error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	return newLines(conn), nil
}

// linesOf takes a socket over.
func linesOf(socket *os.File) (*lines, error) {
	conn, err := net.FileConn(socket)
	if err = errors.Join(err, socket.Close()); err != nil {
		return nil, err
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("it is no unix socket"), conn.Close())
	}
	return newLines(unixConn), nil
}

// read reads the next line.
func (l *lines) read(v any) error {
	if !l.in.Scan() {
		if err := l.in.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	return json.Unmarshal(l.in.Bytes(), v)
}

// hear is read of what must come soon.
func (l *lines) hear(v any) error {
	_ = l.conn.SetReadDeadline(time.Now().Add(patience))
	err := l.read(v)
	_ = l.conn.SetReadDeadline(time.Time{})
	return err
}

// write writes a line, with descriptors if there are any. A partner that does not read for
// long has an error.
func (l *lines) write(v any, files ...*os.File) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.conn.SetWriteDeadline(time.Now().Add(patience))
	if len(files) > 0 {
		n, _, err := l.conn.WriteMsgUnix(text, rightsOf(files), nil)
		if err != nil {
			return fmt.Errorf("pass descriptors on: %w", err)
		}
		if text = text[n:]; len(text) == 0 { // and by now the partner may have gone
			return nil
		}
	}
	_, err = l.conn.Write(text)
	return err
}

func (l *lines) close() { _ = l.conn.Close() }

// taking reads a connection together with the descriptors that come over it.
type taking struct {
	conn  *net.UnixConn
	files []*os.File
}

// Read reads bytes, and keeps what descriptors are with them.
func (t *taking) Read(p []byte) (int, error) {
	var rights [128]byte
	n, size, _, _, err := t.conn.ReadMsgUnix(p, rights[:])
	t.files = append(t.files, filesOf(rights[:size])...)
	if err == nil && n == 0 {
		err = io.EOF
	}
	return n, err
}
