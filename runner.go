package engine

import (
	"context"
	"syscall"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// Journal is the record that a [Runner] in this process writes to: Append adds
// output and never waits.
type Journal = journal.Journal

// Runner starts executions that the engine has accepted and given a slot.
type Runner interface {
	// Start starts one and returns when it runs. Exactly one of two follows: Start
	// returns an error and Launch.Ended is never called, or it returns a Control
	// and Launch.Ended is called once, perhaps before Start returns. An error that
	// is an ErrBusy has the execution queued again; any other fails it.
	Start(ctx context.Context, l *Launch) (Control, error)
}

// Finder is a [Runner] that finds executions which another engine started, perhaps one
// that has gone, for an engine with a [Store].
type Finder interface {
	Runner
	// Find goes on with an execution that was started before, perhaps for another
	// engine: l.Journal, which is empty, becomes its record, and Started, Phase and
	// Ended are called as by Start. Of the launch it gets the ID, the Request as far as
	// it was kept, and these. Where it has ended, Find returns a nil Control, and
	// Ended has been called. Errors: ErrNotFound where nobody has started it, ErrBusy
	// where somebody is about to.
	Find(ctx context.Context, l *Launch) (Control, error)
	// Outlives reports whether what Start starts goes on without the engine. Shutdown lets
	// that go; else it waits, as for any Runner.
	Outlives() bool
	// Withdraw has nobody start an execution that nobody has started yet, and keeps
	// this ending of it. Errors: ErrFinished where somebody was quicker. Of a plan that
	// another program runs it asks that program to cancel it: by force where it is Forced.
	Withdraw(ctx context.Context, id ID, end Ending) error
}

// Neighbour is what a [Runner] is besides whose executions run on this machine, with the
// means that this program has: the engine then knows which limits can be enforced, and
// refuses what cannot.
type Neighbour interface {
	Runner
	// Containment is how it holds trees together, as of Config.Containment.
	Containment() Containment
}

// Launch is what a [Runner] starts. All of it is resolved and valid; the runner
// must not change it.
type Launch struct {
	ID   ID
	Path string   // the file to execute
	Argv []string // the whole argument vector
	Env  []string // the whole environment
	Dir  string   // the working directory
	// Request is what was asked, and AcceptedAt when.
	Request    *Request
	AcceptedAt time.Time

	Timeout     time.Duration  // from the start
	IdleTimeout time.Duration  // without output; 0: none
	Grace       time.Duration  // from the stop signal to KILL
	WaitDelay   time.Duration  // from the exit on, while a pipe is held open
	StopSignal  syscall.Signal // asks the process to end
	KillMode    KillMode       // who gets it; never empty
	KeepBytes   int64          // of each stream; the journal sees to it
	Oversize    Oversize       // what a runner does when a stream has more

	// Journal takes the output, masked.
	Journal *Journal
	// Terminal is the size of the terminal that it gets; nil: it gets none.
	Terminal *TerminalSize
	// Mask removes the secrets of this execution from a text, also those that were
	// added since it started. A runner that masks elsewhere, by Request and Env, is told
	// of these: see [Masker].
	Mask func(text string) string
	// Started tells that it runs. It must be called before anything is appended to
	// the journal, and before Ended.
	Started func()
	// Phase tells that a stop went on: ExecutionStopping, ExecutionKilling.
	Phase func(kind EventKind)
	// Masked tells of values that are masked from now on because somebody has added them past
	// this engine. Nil: nobody can.
	Masked func(values []string)
	// Ended tells how it ended. Nothing may be appended to the journal afterwards.
	Ended func(Ending)

	secrets *redact.Secrets
	mark    string // the environment entry that only this tree has; the last of Env
	script  *scriptFile
	logPath string
	// unenforced are limits that cannot be enforced, and need not be.
	unenforced []string
}

// Control is what can be asked of an execution that runs. Its methods do not
// wait for an effect and are safe for concurrent use.
type Control interface {
	// Stop asks it to end: stop signal, grace, KILL. It reports whether this call
	// is the one that ends it: then Ending.CancelledBy is by.
	Stop(cause Cause, by Actor) bool
	// Kill ends it now, or cuts the grace of an earlier Stop short.
	Kill(cause Cause, by Actor) bool
	// Stdin is what writes to its stdin; nil where its request is neither interactive
	// nor has a terminal.
	Stdin() Stdin
	// Resize changes the size of its terminal. Errors: ErrNoTerminal.
	Resize(size TerminalSize) error
	// Extend has its timeout end it only when it has run for that long, if that is
	// longer than before. It reports false where that makes no difference any more.
	Extend(timeout time.Duration) bool
}

// Masker is what a [Control] is besides where the output is not masked by Launch.Mask.
type Masker interface {
	// AddSecrets has values masked too, in all that the process writes after it has
	// returned. It may be called again with the same. Errors: ErrFinished, the
	// context's.
	AddSecrets(ctx context.Context, values []string) error
}

// Stdin writes to the stdin of an execution that runs. It is safe for concurrent use.
type Stdin interface {
	// Write writes p, and nobody else's bytes between. It waits while the process does
	// not read, until the context is done, and returns how many bytes were taken.
	// Errors: ErrNoStdin, the context's.
	Write(ctx context.Context, p []byte) (int, error)
	// Close ends it after what was written before: the process reads the end of the
	// file. On a terminal the end-of-file character is typed. Errors as of Write.
	Close(ctx context.Context) error
}

// Ending is how an execution ended, as its runner knows it.
type Ending struct {
	Cause    Cause
	ExitCode int            // -1 where there is none
	Signal   syscall.Signal // 0 where there is none
	Error    string         // why, where the cause does not say it
	// CancelledBy is who cancelled it, where the runner knows of one.
	CancelledBy Actor

	Started, Ended time.Time

	Forced           bool
	OutputIncomplete bool
	Swept            int
	Survivors        []Survivor
	Containment      string
	// LimitsHit are the limits that stood in its way, by their names in JSON.
	LimitsHit []string
	Masks     int64
	// SHA256 is in hexadecimal that of all that was recorded, by stream; empty where
	// Request.Digest does not ask for it.
	SHA256 [2]string
	// Unenforced and LogPath are as of Result, where the runner keeps endings for engines that
	// did not start the execution.
	Unenforced []string
	LogPath    string
	LogError   string
	Usage      Usage

	plan *PlanResult // of a plan
}
