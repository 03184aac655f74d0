package process

import (
	"strings"
	"syscall"
)

// StopSignals are the names of the signals that may ask a process to end.
func StopSignals() []string { return []string{"TERM", "INT"} }

// StopSignal returns the stop signal of a name, with or without SIG.
func StopSignal(name string) (syscall.Signal, bool) {
	switch strings.TrimPrefix(strings.ToUpper(name), "SIG") {
	case "TERM":
		return syscall.SIGTERM, true
	case "INT":
		return syscall.SIGINT, true
	}
	return 0, false
}

// SignalName returns the name of a signal, without SIG.
func SignalName(s syscall.Signal) string { return s.String() }
