//go:build unix

package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lookAgain is how often it is looked whether a process is there, where it cannot be
// waited for.
const lookAgain = 250 * time.Millisecond

// hostGone returns when a process is gone or nobody reads stdout any more, with which of
// them; nil when the context ends. Process 0 is none. Errors: the system's.
func hostGone(ctx context.Context, parent int, stdout io.Writer) error {
	wake, waker, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = wake.Close() }() // nobody wrote to it
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = waker.Close() // nothing was written
		close(woken)
	})
	defer func() {
		if stop() {
			_ = waker.Close()
			return
		}
		<-woken
	}()
	watched := [...]unix.PollFd{{Fd: int32(wake.Fd())}, {Fd: -1}, {Fd: -1, Events: unix.POLLIN}}
	if f, ok := stdout.(*os.File); ok {
		watched[1].Fd = int32(f.Fd())
	}
	every := -1
	if parent > 0 {
		fd, err := openProcess(parent)
		switch {
		case errors.Is(err, unix.ESRCH):
			return errParentGone
		case err != nil:
			every = int(lookAgain.Milliseconds())
		default:
			defer func() { _ = unix.Close(fd) }()
			watched[2].Fd = int32(fd)
		}
	}
	for {
		if every > 0 && errors.Is(unix.Kill(parent, 0), unix.ESRCH) {
			return errParentGone
		}
		switch _, err := unix.Poll(watched[:], every); {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return err
		case watched[0].Revents != 0:
			return nil
		case watched[1].Revents != 0:
			return errNoReader
		case watched[2].Revents != 0:
			return errParentGone
		}
	}
}
