//go:build unix

package process

import (
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// StopSignals are the names of the signals that may ask a process to end.
func StopSignals() []string { return []string{"TERM", "INT", "HUP", "QUIT", "USR1", "USR2"} }

// StopSignal returns the stop signal of a name, with or without SIG.
func StopSignal(name string) (syscall.Signal, bool) {
	name = strings.TrimPrefix(strings.ToUpper(name), "SIG")
	return unix.SignalNum("SIG" + name), slices.Contains(StopSignals(), name)
}

// SignalName returns the name of a signal, without SIG.
func SignalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return strings.TrimPrefix(name, "SIG")
	}
	return s.String()
}
