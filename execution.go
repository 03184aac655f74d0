package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// Codes of the notes in an execution's journal. Each stands for the events that
// eventsOf lists, in one entry of the index.
const (
	noteAccepted uint8 = iota + 1
	noteStarted        // status_changed to running, started
	noteStopping
	noteKilling
	noteEnded    // status_changed to the last status, the ending
	noteResized  // with a TerminalSize
	noteExtended // with a time
	noteProgress // of a plan, with what progressDetail says
)

// width is how many events a note stands for.
func width(code uint8) int64 {
	if code == noteStarted || code == noteEnded {
		return 2
	}
	return 1
}

// execution is one that has not been put on the shelf: queued, starting,
// running, or just ended. Fields below mu are guarded by the engine's mu; those
// above it do not change.
type execution struct {
	id      ID
	secrets *redact.Secrets
	shown   atomic.Pointer[shown] // replaced where secrets are added
	digest  [16]byte              // of the content, if the caller gave the id; else zero
	journal *journal.Journal
	success []int
	logPath string // of the copy of its output; empty: none
	// unenforced are limits that cannot be enforced, and need not be.
	unenforced []string

	idleTimeout  time.Duration
	queueTimeout time.Duration // how long it may wait for a slot

	reader *recipient // how far the handler is; nil without one
	told   bool       // a handler of lives hears of it; guarded by the engine's mu
	// launch is what only the start needs; nil once it runs. It is of whoever starts
	// the execution.
	launch *Launch
	// attached is closed when control is set, or it has ended before; nil where
	// nobody can write to its stdin.
	attached chan struct{}
	terminal bool // it has one
	// elsewhere says that another engine accepted it, or one before this: what this
	// one keeps of it is as the store and the runner have it.
	elsewhere bool
	lock      string // Request.Lock
	// plan is what it is where it is one; member which command of a plan it is. Nil for
	// most.
	plan   *planRun
	member *member
	noted  bool // the store knows that it runs

	// steering is held by who changes what runs: the terminal's size, the deadline, the
	// secrets. It is taken before the engine's mu.
	steering   sync.Mutex
	remarks    int // how many notes that made
	added      int // how many secrets
	addedBytes int

	// texts are what is kept of its output: made by the first who saw it end and asks, and
	// the same for all of them, of whom there may be thousands.
	texts      [2]string
	concluding sync.Once

	// mu: Engine.mu
	status   Status
	phase    phase
	accepted time.Time
	queued   time.Time // when it joined the queue last
	control  Control
	begun    chan struct{} // closed when a start is through; nil while nobody waits
	cancel   *asked        // nil until somebody cancels
	late     []string      // secrets that were added before there was a control
	expiry   *time.Timer   // of the queue timeout
	started  time.Time
	timeout  time.Duration // of the run; launch.Timeout, unless it was extended
	size     TerminalSize
	final    *finished     // set before the journal is closed
	done     chan struct{} // closed when final is set; nil while nobody waits, see Engine.over
}

// result is how it ended, output included, once it has a final. All who ask share the texts:
// a crowd sees an ending at once.
func (x *execution) result() Result {
	r := x.final.ending()
	x.concluding.Do(func() {
		parts := x.final.journal.Parts()
		x.texts = [2]string{keptText(&parts[Stdout], Stdout), keptText(&parts[Stderr], Stderr)}
	})
	r.Stdout, r.Stderr = x.texts[Stdout], x.texts[Stderr]
	return r
}

// phase is what the engine does with an execution.
type phase uint8

const (
	waiting  phase = iota // in the queue
	starting              // a spawner has it
	going                 // its runner has it
	over
)

// become changes its status if that may be, and reports whether it did: the one place
// where statuses change. Callers hold the engine's mu.
func (x *execution) become(next Status) bool {
	if !x.status.CanBecome(next) {
		return false
	}
	x.status = next
	return true
}

// summary is what is known of it now. Callers hold the engine's mu.
func (x *execution) summary() Execution {
	if x.final != nil {
		return x.final.summary()
	}
	seen := x.shown.Load()
	r := seen.request.request()
	s := Execution{
		ID: x.id, Status: x.status, Type: string(r.Command.Type()), Command: seen.line,
		Actor: r.Actor, Metadata: r.Metadata,
		AcceptedAt: x.accepted, StartedAt: x.started, ExitCode: -1, Cursor: Cursor(x.journal.End()),
	}
	if !x.started.IsZero() {
		s.Duration, s.Deadline = time.Since(x.started), x.deadline()
	}
	return s
}
