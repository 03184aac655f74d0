package engine

import (
	"context"
	"math"
	"time"
)

// sweepEvery bounds how late the janitor may be for an execution's age.
const sweepEvery = time.Minute

// wakeJanitor asks for memory to be freed soon. It never waits.
func (e *Engine) wakeJanitor() {
	select {
	case e.tidy <- struct{}{}:
	default:
	}
}

// janitor drops what is too old and frees output when memory is short.
func (e *Engine) janitor(ctx context.Context) {
	every := min(max(e.config.Retention/10, 10*time.Millisecond), sweepEvery)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			e.mu.Lock()
			e.trimLocked(now)
			e.mu.Unlock()
		case <-e.tidy:
			e.freeOutput()
		}
	}
}

// trimLocked cleans up by itself, if it is to.
func (e *Engine) trimLocked(now time.Time) {
	if !e.config.NoAutoCleanup {
		e.cleanLocked(now)
	}
}

func (e *Engine) cleanLocked(now time.Time) int {
	limit := int64(math.MinInt64)
	if e.config.Retention < Forever {
		limit = now.Add(-e.config.Retention).UnixNano()
	}
	n := e.shelf.over(e.config.MaxFinished, limit)
	e.shelf.drop(n)
	e.stats.Expired += int64(n)
	if n > 0 && e.deliver != nil {
		e.deliver.prune(e.shelf.first)
	}
	return n
}

// Cleanup forgets what is too old or too many. See [API].
func (e *Engine) Cleanup(context.Context) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.cleanLocked(time.Now()), nil
}

// freeOutput lets the output of the oldest finished executions go until memory is
// no longer short. Their records stay, and say so.
func (e *Engine) freeOutput() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.freeLocked()
}

func (e *Engine) freeLocked() {
	if excess := e.budget.Excess(); excess > 0 {
		e.shelf.strip(func(freed int64) bool {
			excess -= freed
			return excess <= 0
		})
	}
}
