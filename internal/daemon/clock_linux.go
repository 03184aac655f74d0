package daemon

import "golang.org/x/sys/unix"

// monotonicMicros is the clock that a service manager compares with.
func monotonicMicros() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // every Linux has it
	return t.Nano() / 1000
}
