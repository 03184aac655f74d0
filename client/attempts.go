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

// attempts says how often something is tried that the engine did not answer.
type attempts struct {
	patience time.Duration
	until    time.Time // zero: nothing went wrong yet
	pause    time.Duration
}

// attempts begins to try: not at all before the first answer ever, which tells whoever
// calls that there is nobody.
func (c *Client) attempts() *attempts {
	if !c.met.Load() {
		return &attempts{}
	}
	return &attempts{patience: c.config.Patience}
}

// succeeded begins anew.
func (a *attempts) succeeded(c *Client) { *a = *c.attempts() }

// next waits until it is time to try again, and reports false where it is too late.
func (a *attempts) next(ctx context.Context) bool {
	now := time.Now()
	if a.until.IsZero() {
		a.until, a.pause = now.Add(a.patience), firstPause
	}
	if a.patience <= 0 || now.After(a.until) {
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
