package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

var _ API = (*Engine)(nil)

// Engine runs commands. It is safe for concurrent use; make it with [New] and end
// it with [Engine.Shutdown].
type Engine struct {
	config   Config
	runner   Runner
	local    *localRunner // nil where Config.Runner was given
	means    means        // what this machine can do for executions
	inherit  inherited
	programs programs
	launches launches
	rooms    rooms
	bounds   journal.Options
	budget   *journal.Budget
	deliver  *delivery // nil without a handler
	lives    *lives    // instead, for one that takes no output
	ledger   *ledger   // nil without a store
	finder   Finder    // the runner, where it is one and there is a store; else nil
	group    *lifecycle.Group
	tidy     chan struct{} // wakes the janitor
	forks    int

	mu       sync.Mutex
	live     map[ID]*execution
	shelf    shelf
	queue    queue
	locks    locks
	gated    bool         // plans wait for the end of Recover
	ready    []*execution // those that do
	foreign  int          // those of live that another engine has accepted
	active   int          // starting or going: those that hold a slot
	running  int
	spawners int
	seeking  int       // spawners that have not come to the queue yet
	backoff  time.Time // until then the system is out of something
	scarce   bool      // it was when something was to be started last
	stats    Stats
	closed   bool
	idle     chan struct{} // closed when nothing is accepted or running; nil unless closed
	arriving int           // those that the store is about to keep
	down     chan struct{} // closed when the first Shutdown is through
}

// New returns an engine that works by c. Errors: ErrInvalidConfig with every
// fault, or the system's.
func New(c Config) (*Engine, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.LogDir != "" {
		if err := os.MkdirAll(c.LogDir, 0o700); err != nil {
			return nil, fault(ErrInvalidConfig, "log_dir: %v", err)
		}
	}
	e := &Engine{
		config: c.WithDefaults(), group: lifecycle.New(), tidy: make(chan struct{}, 1),
		live: make(map[ID]*execution), down: make(chan struct{}),
	}
	e.budget = journal.NewBudget(e.config.MaxMemoryBytes, e.wakeJanitor)
	e.bounds = *e.boundsOf(e.config.MaxOutputBytes, e.config.Oversize)
	e.runner, e.forks = e.config.Runner, e.config.MaxConcurrent
	if e.runner == nil {
		local, err := newLocalRunner(e.config.Containment)
		if err != nil {
			return nil, err
		}
		e.runner, e.local, e.forks = local, local, local.forkLimit()
	}
	if h, ok := e.config.Handler.(lifeHandler); ok {
		e.lives = newLives(e, h.EventHandler)
		e.lives.group.Go(e.lives.run)
	} else if h := e.config.Handler; h != nil {
		e.deliver = newDelivery(e, h)
		e.deliver.group.Go(e.deliver.run)
	}
	if s := e.config.Store; s != nil {
		e.ledger = newLedger(s, e.config.Logger)
		e.ledger.group.Go(e.ledger.run)
		e.finder, _ = e.runner.(Finder)
	}
	e.group.Go(e.janitor)
	return e, nil
}

// boundsOf are the bounds of a journal.
func (e *Engine) boundsOf(keep int64, o Oversize) *journal.Options {
	bounds := &journal.Options{KeepBytes: keep, Budget: e.budget}
	if o == FailExecution {
		bounds.Cut = journal.HeadOnly
	}
	return bounds
}

// Execute accepts a request. See [API].
func (e *Engine) Execute(ctx context.Context, r Request) (ID, error) {
	return e.execute(ctx, lifted(r), nil)
}

// execute accepts a request, for a plan or, without a member, for itself.
func (e *Engine) execute(ctx context.Context, r Request, m *member) (ID, error) {
	x, id, err := e.admit(ctx, &r, m)
	if x == nil {
		return id, err
	}
	if e.ledger != nil {
		if known, err := e.record(ctx, x); known || err != nil {
			return r.ID, err
		}
	}
	if err := e.launch(x); err != nil { //nolint:contextcheck // ctx bounds this call, never the execution
		return ID{}, err
	}
	return x.id, nil
}

// admit makes an execution of a request that may be accepted; nil where it is there
// already, and where there is an error.
func (e *Engine) admit(ctx context.Context, r *Request, m *member) (*execution, ID, error) {
	digest, err := digestOf(r)
	if err != nil {
		return nil, ID{}, err
	}
	if r.ID != (ID{}) {
		e.mu.Lock()
		known, err := e.knownLocked(r.ID, digest)
		e.mu.Unlock()
		if known || err != nil {
			return nil, r.ID, err
		}
	}
	x, err := e.prepareNew(ctx, r)
	if err != nil {
		if id, known, err := e.recorded(ctx, r); known || err != nil {
			return nil, id, err
		}
		return nil, ID{}, e.maskError(r, err)
	}
	x.digest, x.member = digest, m
	if err := e.allowed(ctx, x, false); err != nil {
		return nil, ID{}, e.maskError(r, err)
	}
	return x, x.id, nil
}

// launch accepts an execution, and starts it where nothing stands in its way.
func (e *Engine) launch(x *execution) error {
	alone, err := e.accept(x)
	if alone {
		e.startHere(x)
	}
	return err
}

// digestOf is what makes two requests the same content: their JSON without the
// id and the trace. It is zero where the engine makes the id: nobody repeats such a request,
// because who knows its id knows that it was accepted.
func digestOf(r *Request) (digest [16]byte, err error) {
	if r.ID == (ID{}) || r.Command == nil {
		return digest, nil
	}
	content, err := contentOf(r)
	if err != nil {
		return digest, err
	}
	return digestOfContent(r, content)
}

// contentOf is what a request asks for, as JSON without the id.
func contentOf(r *Request) ([]byte, error) {
	content := *r
	content.ID = ID{}
	data, err := content.MarshalJSON()
	if err != nil {
		return nil, fault(ErrInvalid, "request: %v", err)
	}
	return data, nil
}

// digestOfContent is the digest of a request of which this is the content.
func digestOfContent(r *Request, content []byte) (digest [16]byte, err error) {
	if r.Trace != (Trace{}) {
		untraced := *r
		untraced.Trace = Trace{}
		if content, err = contentOf(&untraced); err != nil {
			return digest, err
		}
	}
	sum := sha256.Sum256(content)
	copy(digest[:], sum[:])
	return digest, nil
}

// knownLocked reports whether the id is that of an execution with this content. One
// that the engine made has no digest, and is nobody else's.
func (e *Engine) knownLocked(id ID, digest [16]byte) (bool, error) {
	if digest == [16]byte{} {
		return false, nil
	}
	have, err := e.digestLocked(id)
	storeKnows := e.ledger != nil && (err != nil || have == [16]byte{})
	switch {
	case storeKnows, errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, sameContent(id, have, digest)
}

// digestLocked is the digest of an execution in memory. Errors: ErrNotFound,
// ErrExpired.
func (e *Engine) digestLocked(id ID) ([16]byte, error) {
	if x, ok := e.live[id]; ok {
		return x.digest, nil
	}
	f, err := e.shelf.find(id)
	if err != nil {
		return [16]byte{}, err
	}
	return f.digest, nil
}

func sameContent(id ID, have, want [16]byte) error {
	if have == want {
		return nil
	}
	return Advise(fault(ErrConflict, "execution %s runs something else", id), "use a new id for a new request")
}

// newID makes an id that sorts by time.
func newID() (ID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return ID{}, fault(ErrBusy, "make an id: %v", err)
	}
	return id, nil
}

// accept puts an execution in the queue, or refuses it and keeps nothing. Where
// nothing else runs or waits the execution gets its slot at once, and is alone.
func (e *Engine) accept(x *execution) (alone bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	if e.ledger != nil { // that has been done, and it is kept
		e.arriving--
		if e.leaving() {
			e.idleLocked()
			return false, nil // for the next engine
		}
	} else {
		if known, err := e.knownLocked(x.id, x.digest); known || err != nil {
			return false, err // somebody else was quicker with the same id
		}
		if err := e.roomLocked(x); err != nil {
			return false, err
		}
		x.accepted = now
	}
	x.status, x.queued = Pending, now
	e.live[x.id] = x
	e.stats.Accepted++
	x.journal.Note(noteAccepted, width(noteAccepted))
	if e.deliver != nil {
		e.deliver.add(x)
	}
	e.lives.tell(x, noteAccepted)
	if x.member != nil {
		x.member.attached = true
	}
	if !e.locks.take(x) {
		e.expireLocked(x)
		return false, nil
	}
	// Policies, and runners that are not ours, may take their time to start one.
	if e.local != nil && e.config.Policy == nil && x.plan == nil && e.active+e.spawners+e.queue.len() == 0 && !now.Before(e.backoff) {
		e.active, e.spawners = 1, 1
		x.takeLocked()
		return true, nil
	}
	if x.plan == nil {
		e.expireLocked(x)
	}
	e.admitLocked(x)
	return false, nil
}

// roomLocked says whether one more may be accepted.
func (e *Engine) roomLocked(x *execution) error {
	if e.closed && (x.member == nil || e.outlived()) { // else its plan was accepted before
		return fault(ErrClosed, "it takes no more requests")
	}
	if x.member != nil {
		return nil // a plan asks for no more than there are slots
	}
	if holder := e.locks.lines[x.lock]; holder != nil && e.config.FailFast {
		return fault(ErrConcurrencyLimit, "execution %s has the lock %s", holder.holder.id, x.lock)
	}
	if e.locks.waiting >= e.config.MaxQueued {
		return fault(ErrQueueFull, "%d executions wait for locks", e.locks.waiting)
	}
	if x.plan != nil {
		return nil // it takes no slot
	}
	// What is queued may have its slot and only not been started yet.
	if ahead := e.active + e.queue.len() + e.arriving; ahead >= e.config.MaxConcurrent {
		if e.config.FailFast {
			return fault(ErrConcurrencyLimit, "%d executions are running", ahead)
		}
		if waiting := ahead - e.config.MaxConcurrent; waiting >= e.config.MaxQueued {
			return fault(ErrQueueFull, "%d executions are waiting", waiting)
		}
	}
	return nil
}

// expireLocked starts the timer of an execution that may not wait for ever, or
// goes on with it.
func (e *Engine) expireLocked(x *execution) {
	if x.queueTimeout == Forever {
		return
	}
	left := max(x.queueTimeout-time.Since(x.queued), 0)
	if x.expiry == nil {
		x.expiry = time.AfterFunc(left, func() { e.expire(e.group.Context(), x) })
	} else {
		x.expiry.Reset(left)
	}
}

// isSuccess reports whether an exit code means success.
func (x *execution) isSuccess(code int) bool {
	if len(x.success) == 0 {
		return code == 0
	}
	return slices.Contains(x.success, code)
}
