package engine

import "context"

// Policy decides what may run. It is asked before a request is queued, and again
// when the execution is about to start, because rules change meanwhile.
type Policy interface {
	// Check returns nil to allow, or an error that says why not: the caller of
	// Execute gets it as an ErrDenied. It may be called from many goroutines at
	// once, and must heed the context. A panic denies.
	Check(ctx context.Context, a Action) error
}

// Action is what a [Policy] is asked about. It must not be changed.
type Action struct {
	ID      ID
	Request Request
	// Argv is what the operating system will be asked to run; Argv[0] is what was
	// asked for and Path the file it was found at.
	Argv []string
	Path string
	// Starting is false before the queue and true before the start.
	Starting bool
}

// PolicyFunc is a function as a [Policy].
type PolicyFunc func(ctx context.Context, a Action) error

// Check calls f.
func (f PolicyFunc) Check(ctx context.Context, a Action) error { return f(ctx, a) }
