package durable

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// claims are what guests have accepted and not started yet: a file for each, locked
// while the guest lives. An owner must not start what a guest has left, for nobody
// would expect it any more.
type claims struct {
	dir string

	mu   sync.Mutex
	held map[engine.ID]*os.File
}

func newClaims(dir string) (*claims, error) {
	c := &claims{dir: filepath.Join(dir, "claims"), held: make(map[engine.ID]*os.File)}
	return c, os.MkdirAll(c.dir, 0o700)
}

func (c *claims) path(id engine.ID) string { return filepath.Join(c.dir, id.String()) }

// take claims an execution. Who only looks at the claim has it for a moment.
func (c *claims) take(ctx context.Context, id engine.ID) error {
	f, err := lockSoon(ctx, c.path(id), 500*time.Millisecond)
	if err != nil {
		return err
	}
	if f == nil {
		return errors.New("another program is about to start it")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[id] = f
	return nil
}

// drop gives a claim back: it was started, or refused.
func (c *claims) drop(id engine.ID) {
	c.mu.Lock()
	f := c.held[id]
	delete(c.held, id)
	c.mu.Unlock()
	if f != nil {
		_ = os.Remove(c.path(id)) // one that stays is cleared away
		_ = unlock(f)
	}
}

// state says what a guest has made of an execution that has no folder.
func (c *claims) state(id engine.ID) (claimed, alive bool, err error) {
	if _, err := os.Stat(c.path(id)); err != nil {
		return false, false, ignoreMissing(err)
	}
	f, err := tryLock(c.path(id))
	if err != nil || f == nil {
		return true, f == nil, err
	}
	return true, false, unlock(f)
}

// clear removes what guests have left that were killed, where isOver says that they
// are not needed any more.
func (c *claims) clear(isOver func(id engine.ID) (bool, error)) error {
	names, err := os.ReadDir(c.dir)
	faults := []error{err}
	for _, name := range names {
		id, err := engine.ParseID(name.Name())
		if err != nil {
			continue // no claim has this name
		}
		if _, alive, err := c.state(id); err != nil || alive {
			faults = append(faults, err)
			continue
		}
		over, err := isOver(id)
		if at, missing := name.Info(); errors.Is(err, engine.ErrNotFound) && missing == nil {
			over, err = time.Since(at.ModTime()) > accepting, nil
		}
		if err == nil && over {
			err = ignoreMissing(os.Remove(c.path(id)))
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// accepting is longer than a guest takes from the claim to the acceptance.
const accepting = time.Minute

// store is a history in which guests claim what they accept.
type store struct {
	engine.Store
	claims *claims // nil for an owner
	room   func() error
}

// Accept keeps a request, and claims it before.
func (s *store) Accept(ctx context.Context, a engine.Acceptance) (known bool, err error) {
	if s.claims == nil {
		return s.Store.Accept(ctx, a)
	}
	if _, err := s.Get(ctx, a.Execution.ID); err == nil || errors.Is(err, engine.ErrExpired) {
		return s.Store.Accept(ctx, a) // there is nothing to claim
	}
	if err := s.room(); err != nil {
		return false, err
	}
	if err := s.claims.take(ctx, a.Execution.ID); err != nil {
		return false, errors.Join(engine.ErrStore, err)
	}
	if known, err = s.Store.Accept(ctx, a); known || err != nil {
		s.claims.drop(a.Execution.ID)
	}
	return known, err
}

// AcceptAll keeps several requests. An owner's cost one sync together.
func (s *store) AcceptAll(ctx context.Context, all []engine.Acceptance) []engine.Accepted {
	if several, ok := s.Store.(engine.BatchStore); ok && s.claims == nil {
		return several.AcceptAll(ctx, all)
	}
	out := make([]engine.Accepted, len(all))
	for i, a := range all {
		out[i].Known, out[i].Err = s.Accept(ctx, a)
	}
	return out
}
