package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	engine "github.com/escher-dbai/cloudops-engine"
)

// The exit codes that are ours. Below 124 they are the command's, apart from
// exitMissing and exitUnknown.
const (
	exitMissing       = 1   // of doctor and state check
	exitDetailed      = 1   // of plan run --detailed-exitcode: an error
	exitFailures      = 2   // likewise: commands failed
	exitUnknown       = 123 // of the verbs that name an execution
	exitTimeout       = 124 // as timeout(1)
	exitOurs          = 125 // from here on as env(1) and the container tools
	exitNotExecutable = 126
	exitNotFound      = 127
	exitSignal        = 128
)

// exitCodes is the table of the help and of docs.
func exitCodes() [][2]string {
	return [][2]string{
		{"0-255", "the command's own, when it exited by itself"},
		{"123", "there is no such execution (of the commands that name one)"},
		{"124", "it ran, or was silent, for longer than it may"},
		{"125", "cloudops: wrong flags, a request that was refused, an output limit, an error"},
		{"126", "the program is there but cannot be executed"},
		{"127", "there is no such program or script"},
		{"128+n", "signal n ended it: 137 is KILL, 139 SEGV"},
		{"130", "it was cancelled by Ctrl-C (INT), whatever its own code"},
		{"129,131,143", "likewise by HUP, QUIT, TERM"},
		{"141", "nobody reads the output any more, so it was cancelled (PIPE)"},
	}
}

// exitError ends the program with a code. Without an error there is nothing to
// say: the command has said it.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exitWith is nil for code 0 without an error.
func exitWith(code int, err error) error {
	if code == 0 && err == nil {
		return nil
	}
	return &exitError{code: code, err: err}
}

// exitCode maps an error to the code that the program ends with.
func exitCode(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, engine.ErrNotFound), errors.Is(err, engine.ErrExpired):
		return exitUnknown
	case errors.Is(err, engine.ErrNotExecutable):
		return exitNotExecutable
	case errors.Is(err, engine.ErrProgramNotFound), errors.Is(err, engine.ErrScriptNotFound):
		return exitNotFound
	}
	return exitOurs
}

// resultCode is the code for an ending that nobody at the terminal brought about.
func resultCode(r *engine.Result) int {
	switch r.Cause {
	case engine.CauseExit, engine.CauseCommands, engine.CauseSignal, engine.CauseMemoryLimit, engine.CauseProcessLimit:
		if r.ExitCode >= 0 {
			return r.ExitCode
		}
		if n := signalNumber(r.Signal); n > 0 {
			return exitSignal + n
		}
	case engine.CauseTimeout, engine.CauseIdleTimeout, engine.CauseQueueTimeout:
		return exitTimeout
	case engine.CauseCancel, engine.CauseShutdown, engine.CauseSpawn, engine.CauseOutputLimit, engine.CausePolicy, engine.CauseLost:
	}
	return exitOurs
}

// signalCode is the code for a run that a signal to us has cancelled.
func signalCode(sig os.Signal) int {
	if n, ok := sig.(syscall.Signal); ok {
		return exitSignal + int(n)
	}
	return exitOurs
}

// fault is an error of ours with a hint; "" is none.
func fault(hint, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if hint == "" {
		return err
	}
	return engine.Advise(err, "%s", hint)
}

// report prints an error and returns the exit code. It is the one place that
// does either.
func report(w io.Writer, s style, err error) int {
	code := exitCode(err)
	if exit, ok := errors.AsType[*exitError](err); ok {
		err = exit.err
	}
	for _, e := range parts(err) {
		_, _ = fmt.Fprintln(w, s.red("error:"), e)
		if hint := engine.Hint(e); hint != "" {
			_, _ = fmt.Fprintln(w, s.cyan("hint:"), hint)
		}
	}
	return code
}

// parts are the errors that were found at once, each with its own hint.
func parts(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || isWrapped(err) {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, parts(e)...)
	}
	return all
}

// isWrapped tells an error of fmt.Errorf with several %w, which has a text of its
// own, from one of errors.Join, which is a list.
func isWrapped(err error) bool {
	return fmt.Sprintf("%T", err) != "*errors.joinError"
}
