package durable

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"

	engine "github.com/escher-dbai/cloudops-engine"
)

// conducted are the plans that run in this process. One has no process of its own to
// which others could connect: what they ask of it they leave in a file, which is heeded.
type conducted struct {
	dir string
	// came has something where there may be a plan again.
	came chan struct{}

	mu  sync.Mutex
	ids map[engine.ID]struct{}
}

func (c *conducted) path(id engine.ID) string {
	return filepath.Join(c.dir, id.String()+".cancel")
}

func (c *conducted) add(id engine.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids == nil {
		c.ids = make(map[engine.ID]struct{})
	}
	c.ids[id] = struct{}{}
	select {
	case c.came <- struct{}{}:
	default:
	}
}

// some reports whether there is one.
func (c *conducted) some() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ids) > 0
}

func (c *conducted) all() []engine.ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := make([]engine.ID, 0, len(c.ids))
	for id := range c.ids {
		ids = append(ids, id)
	}
	return ids
}

func (c *conducted) drop(id engine.ID) {
	c.mu.Lock()
	delete(c.ids, id)
	c.mu.Unlock()
	_ = os.Remove(c.path(id)) // asked too late, or never
}

// ask leaves word for whoever conducts a plan that it is to be cancelled.
func (c *conducted) ask(id engine.ID, what engine.Cancellation) error {
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(c.dir, "asking.*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.path(id))
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(f.Name())))
	}
	return nil
}

// asked takes the word that somebody has left, if there is one.
func (c *conducted) asked(id engine.ID) (what engine.Cancellation, there bool) {
	text, err := os.ReadFile(c.path(id))
	if err != nil {
		return what, false
	}
	_ = os.Remove(c.path(id))
	return what, json.Unmarshal(text, &what) == nil
}

// heedPlans does what others have asked of the plans that run here.
func (e *Engine) heedPlans(ctx context.Context) {
	for _, id := range e.plans.all() {
		s, err := e.Status(ctx, id)
		if err == nil && s.Terminal() || errors.Is(err, engine.ErrExpired) {
			e.plans.drop(id)
			continue
		}
		if what, there := e.plans.asked(id); there {
			_ = e.Cancel(ctx, id, what) // it has ended meanwhile
		}
	}
}

// resumed takes note of the plans that the owner goes on with.
func (e *Engine) resumed(ctx context.Context) error {
	f := engine.Filter{Type: []engine.CommandType{engine.CommandTypePlan}, Status: []engine.Status{engine.Pending, engine.Running}}
	for {
		p, err := e.List(ctx, f)
		if err != nil {
			return err
		}
		for i := range p.Executions {
			e.plans.add(p.Executions[i].ID)
		}
		if f.After = p.Next; f.After == "" {
			return nil
		}
	}
}

// isConducted reports whether a plan runs in some process.
func (e *Engine) isConducted(ctx context.Context, id engine.ID) bool {
	rec, err := e.store.Get(ctx, id)
	return err == nil && rec.Execution.Type == string(engine.CommandTypePlan) && rec.Execution.Status == engine.Running
}
