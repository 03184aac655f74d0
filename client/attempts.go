package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// The time between two attempts: it doubles from the first to the longest, and each is cut
// by chance, so that many clients do not come back at once.
const (
	firstPause   = 10 * time.Millisecond
	longestPause = time.Second
)

// attempts says how often something is tried that the engine did not answer: not at all
// before anybody was ever there, which tells whoever calls that there is nobody.
type attempts struct {
	client *Client
	until  time.Time // zero: nothing went wrong yet
	pause  time.Duration
}

// succeeded begins anew.
func (a *attempts) succeeded() { a.until = time.Time{} }

// next waits until it is time to try again, and reports false where it is too late.
func (a *attempts) next(ctx context.Context) bool {
	now, patience := time.Now(), a.client.config.Patience
	if a.until.IsZero() {
		a.until, a.pause = now.Add(patience), firstPause
	}
	if patience <= 0 || !a.client.met.Load() || a.client.closed.Err() != nil || now.After(a.until) {
		return false
	}
	timer := time.NewTimer(a.pause/2 + rand.N(a.pause/2)) //nolint:gosec // chance, and no secret
	defer timer.Stop()
	a.pause = min(2*a.pause, longestPause)
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
