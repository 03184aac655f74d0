package engine

import (
	"context"
	"iter"
	"time"
)

// API is all that an engine does, whether it is in this process or behind a
// wire. The suite enginetest.TestEngine holds for everything that satisfies it.
// All methods are safe for concurrent use. A context bounds the call, never the
// execution.
type API interface {
	// Execute accepts a request and returns the id of its execution at once. The
	// same id with the same content returns the same execution. Errors: ErrInvalid
	// and what is more precise, ErrConflict, ErrExpired, ErrDenied, ErrQueueFull,
	// ErrConcurrencyLimit, ErrClosed; with any of them nothing was kept.
	Execute(ctx context.Context, r Request) (ID, error)
	// Get returns what is known of an execution. Errors: ErrNotFound, ErrExpired.
	Get(ctx context.Context, id ID) (Execution, error)
	// Status returns where in its life it is. Errors: ErrNotFound, ErrExpired.
	Status(ctx context.Context, id ID) (Status, error)
	// Result returns how it ended. Errors: ErrNotFinished, ErrNotFound, ErrExpired.
	Result(ctx context.Context, id ID) (Result, error)
	// Wait waits until it ended and returns how. A command that failed is no error.
	// Errors: the context's, ErrNotFound, ErrExpired.
	Wait(ctx context.Context, id ID) (Result, error)
	// Cancel asks a queued or running execution to end and returns at once. To
	// cancel it again changes nothing, unless with Force. Errors: ErrFinished,
	// ErrNotFound, ErrExpired.
	Cancel(ctx context.Context, id ID, c Cancellation) error
	// WriteStdin writes to the stdin of an execution whose request is Interactive or has
	// a Terminal. It waits while the execution is queued and while it does not read, and
	// returns how many bytes were taken. Calls come one after another and do not mix.
	// Errors: the context's, ErrNoStdin, ErrFinished, ErrNotFound, ErrExpired.
	WriteStdin(ctx context.Context, id ID, p []byte) (int, error)
	// CloseStdin ends its stdin behind what was written before. On a terminal it types
	// the end-of-file character (^D), and the terminal stays. Errors as of WriteStdin.
	CloseStdin(ctx context.Context, id ID) error
	// Resize changes the size of its terminal, also while it is queued; the program
	// hears of it by WINCH. Errors: ErrNoTerminal, ErrFinished, ErrNotFound, ErrExpired.
	Resize(ctx context.Context, id ID, size TerminalSize) error
	// Extend gives a queued or running execution more time and returns its new deadline,
	// zero while it does not run. Errors: ErrInvalid where by is not above 0 or there is
	// no deadline, ErrTimeoutTooLarge where the whole would be above Config.MaxTimeout,
	// ErrFinished also where it is being ended, ErrNotFound, ErrExpired.
	Extend(ctx context.Context, id ID, by time.Duration) (time.Time, error)
	// AddSecrets has values masked in a queued or running execution from now on: in all
	// that its processes write after it has returned, and wherever its request, its
	// errors and its ending are shown. What was recorded before stays as it is. For what
	// waits in the queue of another program it returns when that has started it. Errors:
	// ErrInvalid where one has less than six bytes, with which none is added, or where it
	// is too much; ErrFinished, ErrNotFound, ErrExpired; ErrStore where they are masked from
	// now on, and may still be in the history.
	AddSecrets(ctx context.Context, id ID, values ...string) error
	// List returns executions that match, newest first. Errors: ErrInvalid.
	List(ctx context.Context, f Filter) (Page, error)
	// RunningCount returns how many run.
	RunningCount(ctx context.Context) (int, error)
	// Stats returns counts of the engine.
	Stats(ctx context.Context) (Stats, error)
	// Cleanup forgets the finished executions that are too old or too many, and
	// returns how many.
	Cleanup(ctx context.Context) (int, error)
	// Watch yields the events of one execution from a cursor on, replayed and then
	// live, and ends after its last. A yielded error is the last thing: the
	// context's, ErrNotFound, ErrExpired, ErrBeyondEnd.
	Watch(ctx context.Context, id ID, from Cursor) iter.Seq2[Event, error]
	// Output yields its output from a cursor on, in the bytes it was written in,
	// replayed and then live. Errors as of Watch.
	Output(ctx context.Context, id ID, from Cursor) iter.Seq2[Output, error]
	// Lines yields the lines of its output that a query chooses, of what there is now:
	// to follow, go on with Watch from the cursor of the last. A yielded error is the
	// last thing: ErrInvalid of the query, else as of Watch.
	Lines(ctx context.Context, id ID, q LineQuery) iter.Seq2[Line, error]
	// Shutdown takes no more requests and lets what was accepted end; when the
	// context is done it cancels what is left, and returns when all has ended. A
	// second call waits for the first.
	Shutdown(ctx context.Context) error
}

// Cancellation says how to cancel. The zero value asks gracefully.
type Cancellation struct {
	// Force kills at once, or cuts the grace of an earlier cancel short.
	Force bool
	// Actor is who cancels.
	Actor Actor
}

// Stats are counts of an engine since it was made.
type Stats struct {
	Running  int `json:"running"`
	Queued   int `json:"queued"`
	Finished int `json:"finished"` // kept in memory

	Accepted  int64 `json:"accepted"`
	Completed int64 `json:"completed"`
	Failed    int64 `json:"failed"`
	Cancelled int64 `json:"cancelled"`
	TimedOut  int64 `json:"timeout"`
	Rejected  int64 `json:"rejected"`
	Lost      int64 `json:"lost"`
	// Expired is how many finished ones were cleaned up.
	Expired int64 `json:"expired"`

	// OutputBytes is the memory that output takes.
	OutputBytes int64 `json:"output_memory_bytes"`
}
