package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// retryStore is how long the ledger waits before it asks a store again that failed.
const retryStore = 250 * time.Millisecond

// linger is how long a beginning waits for what else there is to keep: the first output of
// the execution would wait with it for the disk, and most that are short end meanwhile,
// so that both take one write.
const linger = 25 * time.Millisecond

// sayAgain is how long a ledger that asks in vain says nothing more of that.
const sayAgain = 10 * time.Second

// ledger brings to the store what became of executions, in order, from one
// goroutine: whoever starts and ends them does not wait for a disk. What is on its
// way can be lost with the program, and is found again by [Engine.Recover].
type ledger struct {
	store  Store
	logger *slog.Logger
	group  *lifecycle.Group
	wake   chan struct{} // holds a token where something is to be kept at once
	soon   chan struct{} // likewise where it may wait for more

	said time.Time // when it last said that it asks again

	mu      sync.Mutex
	entries []entry
	taken   uint64        // how many entries were taken from here, ever
	kept    uint64        // how many of those have been dealt with
	moved   chan struct{} // closed when kept grows; nil while nobody waits
}

// entry is one change: what began, or what ended.
type entry struct {
	change Change
	final  *finished // its result is made where it is needed
}

func newLedger(s Store, l *slog.Logger) *ledger {
	return &ledger{store: s, logger: l, group: lifecycle.New(), wake: make(chan struct{}, 1), soon: make(chan struct{}, 1)}
}

// began notes that an execution runs.
func (l *ledger) began(id ID, at time.Time) {
	l.add(entry{change: Change{ID: id, Status: Running, At: at}}, l.soon)
}

// ended notes how one ended.
func (l *ledger) ended(f *finished) {
	l.add(entry{change: Change{ID: f.id, Status: f.status}, final: f}, l.wake)
}

func (l *ledger) add(n entry, when chan struct{}) {
	l.mu.Lock()
	l.entries = append(l.entries, n)
	l.mu.Unlock()
	signal(when)
}

// run keeps what comes, until the engine stops; then what is left, once.
func (l *ledger) run(ctx context.Context) {
	for {
		select {
		case <-l.wake:
		case <-ctx.Done():
		case <-l.soon:
			select {
			case <-l.wake:
			case <-ctx.Done():
			case <-time.After(linger):
			}
		}
		if l.keepAll(ctx); ctx.Err() != nil {
			return
		}
	}
}

// keepAll brings to the store what there is. A store that fails is asked again, as
// long as the engine lives.
func (l *ledger) keepAll(ctx context.Context) {
	for {
		l.mu.Lock()
		entries := l.entries
		l.entries = nil
		l.taken += uint64(len(entries))
		l.mu.Unlock()
		if len(entries) == 0 {
			return
		}
		changes := changesOf(entries)
		for err := l.note(ctx, changes); err != nil && ctx.Err() == nil; err = l.note(ctx, changes) {
			select { // when the engine stops it is tried once more
			case <-time.After(retryStore):
			case <-ctx.Done():
			}
		}
		l.mu.Lock()
		l.kept += uint64(len(entries))
		if l.moved != nil {
			close(l.moved)
			l.moved = nil
		}
		l.mu.Unlock()
	}
}

func changesOf(entries []entry) []Change {
	changes := make([]Change, len(entries))
	for i, n := range entries {
		changes[i] = n.change
		if n.final != nil {
			r := n.final.ending()
			changes[i].Result = &r
		}
	}
	return changes
}

// note asks the store once. It returns only what may pass by itself.
func (l *ledger) note(ctx context.Context, changes []Change) error {
	err := l.store.Note(context.WithoutCancel(ctx), changes...)
	switch {
	case err == nil, errors.Is(err, ErrFinished), errors.Is(err, ErrExpired), errors.Is(err, ErrClosed):
		return nil // somebody who followed it too was quicker
	case errors.Is(err, ErrStore):
		if now := time.Now(); now.Sub(l.said) >= sayAgain {
			l.said = now
			l.logger.WarnContext(ctx, "the history could not be written; it is tried again", slog.Any("error", err))
		}
		return err
	case errors.Is(err, ErrInvalid) && l.begun(ctx, changes):
		return nil // likewise
	default:
		l.logger.ErrorContext(ctx, "the history did not take a change", slog.Any("error", err))
		return nil
	}
}

// begun reports whether the store has executions running that are to begin.
func (l *ledger) begun(ctx context.Context, changes []Change) bool {
	have := false
	for _, c := range changes {
		if c.Status != Running {
			continue
		}
		rec, err := l.store.Get(context.WithoutCancel(ctx), c.ID)
		if err != nil || rec.Execution.Status == Pending {
			return false
		}
		have = true
	}
	return have
}

// flush waits until the store has what was noted before.
func (l *ledger) flush(ctx context.Context) error {
	l.mu.Lock()
	until := l.taken + uint64(len(l.entries))
	signal(l.wake)
	for l.kept < until {
		if l.moved == nil {
			l.moved = make(chan struct{})
		}
		moved := l.moved
		l.mu.Unlock()
		if err := waitFor(ctx, moved); err != nil {
			return err
		}
		l.mu.Lock()
	}
	l.mu.Unlock()
	return nil
}
