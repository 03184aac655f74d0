package enginetest

import (
	"os"
	"syscall"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Script is what a scripted execution does. The zero value exits at once with
// code 0, without a word.
type Script struct {
	// Busy is how often the runner says ErrBusy before it starts.
	Busy int
	// StartTakes is how long the runner takes to start.
	StartTakes time.Duration
	// StartErr is what Start returns, after StartTakes, instead of starting.
	StartErr error
	// Instant has the execution begin and end before Start returns. It ends
	// without waiting: times in the script are passed over.
	Instant bool

	// Prints is what it writes, one after the other.
	Prints []Print
	// Reads has it copy its stdin to stdout up to the end, after the last print. Without
	// it writes to its stdin wait, as they do when a process does not read.
	Reads bool
	// Runs is the time from the last print, and the end of its stdin, to the exit.
	Runs time.Duration
	// Hangs has it never exit by itself.
	Hangs bool
	// ExitCode is what it exits with.
	ExitCode int
	// Signal, if not 0, ends it instead of an exit.
	Signal syscall.Signal

	// IgnoresStop has only Kill, or the end of the grace, end it.
	IgnoresStop bool
	// StopTakes is the time from a stop to its exit.
	StopTakes time.Duration
	// StopCode is what it exits with when it was stopped. 0: it dies of the stop
	// signal.
	StopCode int
	// LastWords is what it writes to stdout when it was stopped.
	LastWords string
}

// Print is one piece of output.
type Print struct {
	// After is the time since the print before, or since the start.
	After  time.Duration
	Stream engine.Stream
	Text   string
}

// Lines are prints of one line each, on stdout and at once.
func Lines(lines ...string) []Print {
	prints := make([]Print, len(lines))
	for i, line := range lines {
		prints[i] = Print{Text: line + "\n"}
	}
	return prints
}

// Scripts are scripts by name.
type Scripts map[string]Script

// Command is the command that has a [Runner] play the script of a name. The
// arguments are passed on: what makes one request another, for instance.
func Command(name string, args ...string) engine.ExecCommand {
	return engine.Exec(self(), append([]string{name}, args...)...)
}

// self is a program that is there: the engine looks it up, nobody starts it.
func self() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}
