//go:build unix

package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// sizeSignals say that the terminal's size may be another: it has changed, or we
// were stopped and go on.
func sizeSignals() []os.Signal { return []os.Signal{syscall.SIGWINCH, syscall.SIGCONT} }

func isResize(sig os.Signal) bool { return sig == syscall.SIGWINCH }

// keys reads a terminal until a context is done. A read of it cannot be ended, so
// it is read only when there is something; poll knows no terminals on macOS.
type keys struct {
	in           *os.File
	wake, waking *os.File
	stop         func() bool
}

func newKeys(ctx context.Context, in *os.File) (*keys, error) {
	wake, waking, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	k := &keys{in: in, wake: wake, waking: waking}
	k.stop = context.AfterFunc(ctx, func() { _ = waking.Close() })
	return k, nil
}

func (k *keys) close() {
	if k.stop() {
		_ = k.waking.Close()
	}
	_ = k.wake.Close()
}

// Read reads what is there, or waits. Errors: io.EOF, [os.ErrClosed] when the context
// is done, or the system's.
func (k *keys) Read(p []byte) (int, error) {
	in, wake := int(k.in.Fd()), int(k.wake.Fd())
	for {
		var ready unix.FdSet
		ready.Set(in)
		ready.Set(wake)
		_, err := unix.Select(max(in, wake)+1, &ready, nil, nil, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, err
		case ready.IsSet(wake):
			return 0, os.ErrClosed
		}
		n, err := unix.Read(in, p)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}
