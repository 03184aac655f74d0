//go:build unix

package history

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lock is held on a history by everyone who has it open: alone to make, migrate or
// set it aside, shared to use it.
type lock struct {
	file  *os.File
	alone bool
}

// The time between two attempts to get a lock, and how long they go on: whoever has
// it alone migrates.
const (
	lockRetry   = 5 * time.Millisecond
	lockPatient = time.Minute
)

// takeLock takes the lock alone if nobody has it, else shared.
func takeLock(ctx context.Context, dir string) (*lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	l := &lock{file: f}
	if l.alone, err = l.try(syscall.LOCK_EX); err == nil && !l.alone {
		err = l.share(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

func (l *lock) try(how int) (bool, error) {
	for {
		err := syscall.Flock(int(l.file.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, fmt.Errorf("lock %s: %w", l.file.Name(), err)
		}
	}
}

// share makes the lock a shared one, and waits for whoever has it alone.
func (l *lock) share(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lockPatient,
		fmt.Errorf("%w: %s is held by a program that migrates it", ErrInUse, l.file.Name()))
	defer cancel()
	retry := time.NewTicker(lockRetry)
	defer retry.Stop()
	for {
		if got, err := l.try(syscall.LOCK_SH); got || err != nil {
			l.alone = false
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-retry.C:
		}
	}
}

// release gives the lock back at once: a child that is about to execute its program may have
// the file as well.
func (l *lock) release() error {
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}
