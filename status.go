package engine

import "slices"

// Status says where in its life an execution is.
type Status string

// The statuses. The first six are the original's.
const (
	Pending   Status = "pending"   // accepted; waits for a slot
	Running   Status = "running"   // its process runs
	Completed Status = "completed" // exited with a success code
	Failed    Status = "failed"    // exited otherwise, could not be started, or broke a limit
	Cancelled Status = "cancelled" // was cancelled, whatever its exit code
	TimedOut  Status = "timeout"   // ran, sat idle or queued for too long

	AwaitingApproval Status = "awaiting_approval" // accepted; somebody must agree first
	Rejected         Status = "rejected"          // somebody did not agree
	Lost             Status = "lost"              // how it ended is not known
)

// next is the whole life of an execution: what may follow a status. The drawing in
// doc.go is checked against it.
func (s Status) next() (few [7]Status) {
	switch s {
	case Pending:
		few = [...]Status{Running, AwaitingApproval, Failed, Cancelled, TimedOut, Rejected, Lost}
	case AwaitingApproval:
		few = [...]Status{Pending, Rejected, Cancelled, TimedOut, Lost, "", ""}
	case Running:
		few = [...]Status{Completed, Failed, Cancelled, TimedOut, Lost, "", ""}
	case Completed, Failed, Cancelled, TimedOut, Rejected, Lost:
	}
	return few
}

// statuses are all that there are.
func statuses() []Status {
	return []Status{Pending, AwaitingApproval, Running, Completed, Failed, Cancelled, TimedOut, Rejected, Lost}
}

// Valid reports whether s is one of the statuses.
func (s Status) Valid() bool { return slices.Contains(statuses(), s) }

// Terminal reports whether nothing follows s.
func (s Status) Terminal() bool {
	switch s { // not by next: handlers ask it of every line
	case Completed, Failed, Cancelled, TimedOut, Rejected, Lost:
		return true
	case Pending, Running, AwaitingApproval:
	}
	return false
}

// CanBecome reports whether next may follow s.
func (s Status) CanBecome(next Status) bool {
	few := s.next()
	return next != "" && slices.Contains(few[:], next)
}

// Cause says why an execution ended. It tells apart what a status folds: a
// timeout of the run from one in the queue, an exit code from a signal.
type Cause string

// The causes.
const (
	CauseExit         Cause = "exit"          // it exited by itself, with ExitCode
	CauseSignal       Cause = "signal"        // a signal ended it that the engine did not send
	CauseSpawn        Cause = "spawn"         // it could not be started
	CauseCancel       Cause = "cancel"        // somebody cancelled it
	CauseShutdown     Cause = "shutdown"      // the engine was shut down
	CauseTimeout      Cause = "timeout"       // it ran longer than its timeout
	CauseIdleTimeout  Cause = "idle_timeout"  // it wrote nothing for its idle timeout
	CauseQueueTimeout Cause = "queue_timeout" // it waited for a slot for too long
	CauseOutputLimit  Cause = "output_limit"  // it wrote more than its limit, set to fail
	CauseMemoryLimit  Cause = "memory_limit"  // it failed, and the system had killed for its limit of memory
	CauseProcessLimit Cause = "process_limit" // it failed, and could make no process at its limit
	CausePolicy       Cause = "policy"        // the policy refused it at its start
	CauseCommands     Cause = "commands"      // of a plan: its commands are over, see Result.Plan
	CauseLost         Cause = "lost"          // who ran it vanished, and nobody knows how it ended
)

// status returns the status that a cause leads to; exit codes decide over
// CauseExit.
func (c Cause) status(success bool) Status {
	switch c {
	case CauseExit, CauseCommands:
		if success {
			return Completed
		}
		return Failed
	case CauseCancel, CauseShutdown:
		return Cancelled
	case CauseTimeout, CauseIdleTimeout, CauseQueueTimeout:
		return TimedOut
	case CausePolicy:
		return Rejected
	case CauseSignal, CauseSpawn, CauseOutputLimit, CauseMemoryLimit, CauseProcessLimit:
		return Failed
	case CauseLost:
	}
	return Lost
}
