package run

import (
	"io"
	"syscall"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/process"
	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// Spec is one execution, in plain types. Process and Journal are required.
type Spec struct {
	Process process.Spec // for the start alone
	Terms

	// Log, if not nil, gets a plain copy of both streams. After an error it is
	// not written any more; the error is told in the ending.
	Log io.Writer
}

// Terms are what holds for an execution while it runs.
type Terms struct {
	Journal *journal.Journal
	Secrets *redact.Secrets // nil masks nothing

	Timeout     time.Duration  // from the start; 0: none
	IdleTimeout time.Duration  // without output; 0: none
	Grace       time.Duration  // from the stop signal to KILL
	WaitDelay   time.Duration  // from the exit to the end, while a pipe is held
	StopSignal  syscall.Signal // 0: TERM

	// StopLeader sends the stop signal to the leader alone, which is to end the
	// others. What it leaves is killed.
	StopLeader bool

	// Leave has those live on that outlive a leader which ended by itself.
	Leave bool

	// MaxOutputBytes ends the run when a stream has written more; 0: never.
	MaxOutputBytes int64

	// Tee, if not nil, sees every byte that is recorded, whatever the journal
	// keeps. It may wait, and so slow the process, as a plain pipe would.
	Tee func(stream journal.Stream, p []byte)

	// Digest has the ending tell the SHA-256 of each stream.
	Digest bool

	// Phase, if not nil, is told when a run that was stopped gets its stop
	// signal and when it is killed. It must not wait.
	Phase func(Phase)
}

// Phase is a step on the way from a stop to the end.
type Phase string

// The phases of a stop.
const (
	Stopping Phase = "stopping" // the stop signal was sent
	Killing  Phase = "killing"  // KILL was sent
)

// Cause says why an execution ended.
type Cause string

// The causes a run can have.
const (
	Exited      Cause = "exit"          // it exited by itself
	Signaled    Cause = "signal"        // a signal that we did not send
	Cancelled   Cause = "cancel"        // somebody asked for it
	Shutdown    Cause = "shutdown"      // the engine was shut down
	TimedOut    Cause = "timeout"       // it ran longer than Timeout
	IdleTooLong Cause = "idle_timeout"  // it wrote nothing for IdleTimeout
	TooMuch     Cause = "output_limit"  // it wrote more than MaxOutputBytes
	NoMemory    Cause = "memory_limit"  // it failed, and a process was killed at the limit of memory
	NoProcess   Cause = "process_limit" // it failed, and no process could be made at their limit
	SpawnFailed Cause = "spawn"         // it could not be started
	Lost        Cause = "lost"          // who was to hear of its exit was ended, or somebody else was told
)

// Ending is how a run ended.
type Ending struct {
	Cause   Cause
	By      any // who stopped it, as given to Stop or Kill; nil: nobody, or a limit
	State   process.State
	Started time.Time
	Ended   time.Time

	// Forced says that KILL was needed to end it.
	Forced bool
	// PipeHeld says that output may be incomplete: when the process had exited,
	// another one kept its pipe open beyond WaitDelay, or the tee did not take in
	// time what was left.
	PipeHeld bool
	// Swept is how many members of the tree outlived the leader and were ended.
	Swept int
	// Survivors are the members of the tree that could not be ended, or that
	// Leave has left alone.
	Survivors []process.Stray
	// Hits are the limits that stood in the way.
	Hits process.Hits
	// Containment is how the members were found.
	Containment process.Containment

	Masks    int64     // how often something was masked
	SHA256   [2]string // of all that was recorded, by stream, in hexadecimal; empty: not asked, or not known
	LogError error     // why Log is incomplete; nil if it is not
}
