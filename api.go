package engine

import (
	"context"
	"iter"
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
