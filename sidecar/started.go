package sidecar

import (
	"context"
	"sync"

	engine "github.com/escher-dbai/cloudops-engine"
)

// started are the executions that this session was asked for, but for those that were seen
// to have ended.
type started struct {
	engine engine.API

	mu  sync.Mutex
	ids map[engine.ID]struct{}
	due int // when there are so many, it is time to look which have ended
}

// lookFrom is how many there are before somebody looks for the first time.
const lookFrom = 1000

// add adds one. What is no id is nothing that was started.
func (s *started) add(ctx context.Context, text string) {
	id, err := engine.ParseID(text)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.ids[id] = struct{}{}
	look := len(s.ids) >= max(s.due, lookFrom)
	if look {
		s.due = 2 * len(s.ids) // nobody else looks meanwhile
	}
	s.mu.Unlock()
	if look {
		_, _ = s.live(ctx) // else the next one looks
	}
}

// live are those that have not ended. The others are forgotten.
func (s *started) live(ctx context.Context) (ids []engine.ID, err error) {
	s.mu.Lock()
	known := make(map[engine.ID]bool, len(s.ids))
	for id := range s.ids {
		known[id] = false
	}
	s.mu.Unlock()
	f := engine.Filter{Status: []engine.Status{engine.Pending, engine.AwaitingApproval, engine.Running}, Limit: 1000}
	for more := true; more; {
		page, err := s.engine.List(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, x := range page.Executions {
			if _, ours := known[x.ID]; ours && !known[x.ID] {
				known[x.ID] = true
				ids = append(ids, x.ID)
			}
		}
		f.After, more = page.Next, page.Next != ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, lives := range known {
		if !lives {
			delete(s.ids, id)
		}
	}
	s.due = 2 * len(s.ids)
	return ids, nil
}
