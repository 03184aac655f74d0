package process

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// Busy returns an error as an [ErrBusy] if it passes by itself, and as it is
// otherwise.
func Busy(err error) error {
	for _, scarce := range []error{syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if errors.Is(err, scarce) {
			return fmt.Errorf("%w: %w", ErrBusy, err)
		}
	}
	return err
}

// pause waits a little longer at each try, 1 ms to about 0.1 s.
func pause(try int) {
	<-time.After(time.Millisecond << min(try, 7))
}

// ForkLimit is how many calls of Start should be in flight at once. A fork
// keeps its P until the child has called exec: with all Ps in forks, every
// other goroutine of the program stands still.
func ForkLimit() int { return max(1, runtime.GOMAXPROCS(0)-1) }
