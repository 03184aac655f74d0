package daemon

import (
	"context"
	"sync"
	"time"

	"connectrpc.com/connect"
)

// leases end what was begun with a token when that lets nobody in any more: its file is
// looked at as long as somebody is inside with it. A new request looks for itself.
type leases struct {
	tokens Tokens
	most   int // of one token, at once

	mu  sync.Mutex
	now map[string]*lease // by the id of the token
}

// lease is a token with which somebody is inside.
type lease struct {
	token   Token
	ended   context.Context //nolint:containedctx // it is what a token that is gone ends
	end     context.CancelCauseFunc
	inside  int
	looking *time.Timer
}

// look is how often the file of a token is looked at: so long a stream outlives its
// token at most.
const look = time.Second

// newLeases makes leases for a door with room for so many. One token has three quarters of
// it at most, so that it keeps nobody else out.
func newLeases(t Tokens, room int) *leases {
	return &leases{tokens: t, most: max(room*3/4, 1), now: make(map[string]*lease)}
}

// within is a context that ends, as unauthenticated, when the token does. leave has to be
// called. Not ok: there is too much with this token already.
func (l *leases) within(ctx context.Context, t *Token) (inside context.Context, leave func(), ok bool) {
	s := l.enter(t)
	if s == nil {
		return ctx, nil, false
	}
	inside, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.ended, func() { cancel(connect.NewError(connect.CodeUnauthenticated, errToken)) })
	return inside, func() {
		stop()
		cancel(nil)
		l.leave(s)
	}, true
}

// enter is nil where there is no room.
func (l *leases) enter(t *Token) *lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.now[t.ID]
	if s == nil {
		s = &lease{token: *t}
		s.ended, s.end = context.WithCancelCause(context.Background())
		s.looking = time.AfterFunc(s.patience(), func() { l.check(s) })
		l.now[t.ID] = s
	}
	if s.inside >= l.most {
		return nil
	}
	s.inside++
	return s
}

func (l *leases) leave(s *lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.inside--; s.inside == 0 {
		l.dropLocked(s)
	}
}

// dropLocked ends a lease. Another of the same token may have begun meanwhile.
func (l *leases) dropLocked(s *lease) {
	s.looking.Stop()
	s.end(errToken)
	if l.now[s.token.ID] == s {
		delete(l.now, s.token.ID)
	}
}

// check ends a lease whose token a new request would not be let in with.
func (l *leases) check(s *lease) {
	stored, err := l.tokens.read(s.token.ID)
	good := err == nil && stored.Token == s.token && time.Now().Before(s.token.Expires)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !good:
		l.dropLocked(s)
	case s.inside > 0:
		s.looking.Reset(s.patience())
	}
}

// patience is how long until the next look.
func (s *lease) patience() time.Duration {
	return max(min(look, time.Until(s.token.Expires)), 0)
}
