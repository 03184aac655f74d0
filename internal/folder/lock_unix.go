//go:build unix

package folder

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// take takes the lock of an open file alone, and reports false where somebody has it.
// Who only looks whether it is taken (see taken) has it for a moment: that is told
// apart, and waited for.
func take(f *os.File) (bool, error) {
	const looks = 1000
	for range looks {
		if got, err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB); got || err != nil {
			return got, err
		}
		if shared, err := flock(f, syscall.LOCK_SH|syscall.LOCK_NB); !shared || err != nil {
			return false, err
		}
	}
	return false, giveBack(f)
}

// taken reports whether somebody has the lock of an open file.
func taken(f *os.File) (bool, error) {
	shared, err := flock(f, syscall.LOCK_SH|syscall.LOCK_NB)
	if shared {
		err = giveBack(f)
	}
	return !shared, err
}

// giveBack gives the lock back, for whoever else has the same open file too.
func giveBack(f *os.File) error {
	_, err := flock(f, syscall.LOCK_UN)
	return err
}

func flock(f *os.File, how int) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
}
