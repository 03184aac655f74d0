//go:build !linux

package daemon

// monotonicMicros: only Linux has such service managers.
func monotonicMicros() int64 { return 0 }
