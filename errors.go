package engine

import (
	"errors"
	"fmt"
)

// A condition is what an error says went wrong, in a form that errors.Is finds
// whatever the text around it. It belongs to one kind, and may belong to a
// wider condition too: ErrProgramNotFound is an ErrInvalid.
type condition struct {
	code  string
	text  string
	wider error
	retry bool
	hint  string // where nobody knows better
}

func (c *condition) Error() string { return c.text }
func (c *condition) Unwrap() error { return c.wider }

// The conditions that the engine's methods return. Test for them with
// errors.Is; the text of an error names what it is about.
var (
	// ErrInvalid: the request cannot be run as it is. Nothing was kept of it.
	ErrInvalid error = &condition{code: "invalid", text: "invalid request"}
	// ErrInvalidCommand: the command is empty, of an unknown type, or has a
	// field that its type does not take. It is an ErrInvalid.
	ErrInvalidCommand error = &condition{code: "invalid_command", text: "invalid command", wider: ErrInvalid}
	// ErrProgramNotFound: there is no such program. It is an ErrInvalid.
	ErrProgramNotFound error = &condition{code: "program_not_found", text: "program not found", wider: ErrInvalid}
	// ErrNotExecutable: the program is there but cannot be executed. It is an
	// ErrInvalid.
	ErrNotExecutable error = &condition{code: "not_executable", text: "not executable", wider: ErrInvalid}
	// ErrScriptNotFound: the script is missing or cannot be read. It is an
	// ErrInvalid.
	ErrScriptNotFound error = &condition{code: "script_not_found", text: "script not found or not readable", wider: ErrInvalid}
	// ErrWorkingDir: the working directory is relative, missing or not a
	// directory. It is an ErrInvalid.
	ErrWorkingDir error = &condition{code: "invalid_working_dir", text: "invalid working directory", wider: ErrInvalid}
	// ErrTimeoutTooLarge: a timeout is above the maximum of the configuration. It
	// is an ErrInvalid.
	ErrTimeoutTooLarge error = &condition{code: "timeout_too_large", text: "timeout above the maximum", wider: ErrInvalid}
	// ErrUnsupported: this machine cannot do what was asked. It is an ErrInvalid.
	ErrUnsupported error = &condition{code: "unsupported", text: "not supported here", wider: ErrInvalid}
	// ErrInvalidConfig: a configuration that cannot work; the text names every
	// fault of it.
	ErrInvalidConfig error = &condition{code: "invalid_config", text: "invalid configuration"}

	// ErrConflict: the id belongs to an execution with other content.
	ErrConflict error = &condition{code: "conflict", text: "id is in use by another request"}
	// ErrNotFound: the engine never had, or long forgot, such an execution.
	ErrNotFound error = &condition{code: "not_found", text: "execution not found", hint: "List, or cloudops ps -a, has those that are known"}
	// ErrExpired: the execution ended and its record was cleaned up.
	ErrExpired error = &condition{code: "expired", text: "execution is no longer kept"}
	// ErrNotFinished: there is no result yet.
	ErrNotFinished error = &condition{code: "not_finished", text: "execution has not finished", retry: true}
	// ErrFinished: the execution has ended already; nothing was changed.
	ErrFinished error = &condition{code: "finished", text: "execution has already finished"}
	// ErrNoStdin: the stdin of the execution is not open: its request was not
	// interactive, or it is closed already.
	ErrNoStdin error = &condition{code: "no_stdin", text: "stdin is not open"}
	// ErrNoTerminal: the execution has no terminal.
	ErrNoTerminal error = &condition{code: "no_terminal", text: "execution has no terminal"}
	// ErrBeyondEnd: the cursor is behind the end of a record that ended.
	ErrBeyondEnd error = &condition{code: "beyond_end", text: "cursor is beyond the end of the record", hint: "the cursor is of another execution; without it, all of this one comes"}

	// ErrDenied: the policy does not allow it.
	ErrDenied error = &condition{code: "denied", text: "denied by policy"}
	// ErrQueueFull: as many executions wait as may. Try again later.
	ErrQueueFull error = &condition{code: "queue_full", text: "queue is full", retry: true}
	// ErrConcurrencyLimit: as many executions run as may, and the engine is set
	// to fail instead of queueing. Try again later.
	ErrConcurrencyLimit error = &condition{code: "concurrency_limit", text: "concurrency limit reached", retry: true}
	// ErrBusy: the system is out of descriptors, processes or memory for now. A
	// Runner returns it to have the execution queued again.
	ErrBusy error = &condition{code: "busy", text: "system is out of resources", retry: true}
	// ErrStore: the [Store] cannot read or write. What was to be accepted was not,
	// and what was to be noted may not have been.
	ErrStore error = &condition{code: "store", text: "history cannot be read or written", retry: true}
	// ErrClosed: the engine was shut down.
	ErrClosed error = &condition{code: "closed", text: "engine is shut down"}

	// ErrNoGlobal: Global was called before InitGlobal.
	ErrNoGlobal error = &condition{code: "no_global", text: "global engine is not initialised"}
	// ErrGlobalSet: InitGlobal was called twice.
	ErrGlobalSet error = &condition{code: "global_set", text: "global engine is already initialised"}
)

// ErrorCode returns the stable name of an error's condition, such as
// "not_found", and "internal" for an error that is none of the engine's.
func ErrorCode(err error) string {
	if c, ok := errors.AsType[*condition](err); ok {
		return c.code
	}
	return "internal"
}

// Retryable reports whether the same call may succeed later without a change.
func Retryable(err error) bool {
	c, ok := errors.AsType[*condition](err)
	return ok && c.retry
}

// Hint returns what to do about an error, in a sentence for people, or "". An
// error of another package has one where it has the method Hint() string.
func Hint(err error) string {
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		return h.Hint()
	}
	if c, ok := errors.AsType[*condition](err); ok {
		return c.hint
	}
	return ""
}

// hinted is an error with advice.
type hinted struct {
	error
	hint string
}

func (h *hinted) Unwrap() error { return h.error }

// Hint is the advice.
func (h *hinted) Hint() string { return h.hint }

// fault is an error of a condition about something named.
func fault(c error, format string, args ...any) error {
	return fmt.Errorf("%w: %w", c, detailError(fmt.Sprintf(format, args...)))
}

// Advise adds to an error what to do about it, which [Hint] finds: a sentence for people. For runners,
// stores and policies, as the engine itself does.
func Advise(err error, format string, args ...any) error {
	return &hinted{error: err, hint: fmt.Sprintf(format, args...)}
}

// detailError is what a condition is about.
type detailError string

func (e detailError) Error() string { return string(e) }
