package engine

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Get returns what is known of an execution. See [API].
func (e *Engine) Get(_ context.Context, id ID) (Execution, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x, ok := e.live[id]; ok {
		s := x.summary()
		s.QueuePosition = e.queue.position(x)
		return s, nil
	}
	f, err := e.shelf.find(id)
	if err != nil {
		return Execution{}, err
	}
	return f.summary(), nil
}

// Status returns where in its life an execution is. See [API].
func (e *Engine) Status(_ context.Context, id ID) (Status, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x, ok := e.live[id]; ok {
		return x.status, nil
	}
	f, err := e.shelf.find(id)
	if err != nil {
		return "", err
	}
	return f.status, nil
}

// Result returns how an execution ended. See [API].
func (e *Engine) Result(_ context.Context, id ID) (Result, error) {
	s, err := e.subject(id)
	if err != nil {
		return Result{}, err
	}
	if s.live != nil {
		return Result{}, fault(ErrNotFinished, "%s", id)
	}
	return s.done.result(), nil
}

// Wait waits until an execution ended. See [API].
func (e *Engine) Wait(ctx context.Context, id ID) (Result, error) {
	s, err := e.subject(id)
	if err != nil {
		return Result{}, err
	}
	if s.live != nil {
		if err := waitFor(ctx, e.over(s.live)); err != nil {
			return Result{}, err
		}
	}
	return s.final().result(), nil
}

// over is closed when the execution has its final.
func (e *Engine) over(x *execution) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x.done == nil {
		x.done = make(chan struct{})
		if x.final != nil {
			close(x.done)
		}
	}
	return x.done
}

// RunningCount returns how many executions run. See [API].
func (e *Engine) RunningCount(context.Context) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.running, nil
}

// Stats returns counts of the engine. See [API].
func (e *Engine) Stats(context.Context) (Stats, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	s.Running, s.Queued, s.Finished = e.running, e.queue.len(), e.shelf.len()
	s.OutputBytes = e.budget.Used()
	return s, nil
}

// The bounds of Filter.Limit.
const (
	defaultPage = 100
	maxPage     = 1000
)

// List returns executions, newest first. See [API].
func (e *Engine) List(_ context.Context, f Filter) (Page, error) {
	limit := f.Limit
	switch {
	case limit == 0:
		limit = defaultPage
	case limit < 0 || limit > maxPage:
		return Page{}, fault(ErrInvalid, "limit is %d: must be 1 to %d", limit, maxPage)
	}
	after, err := parsePlace(f.After)
	if err != nil {
		return Page{}, err
	}
	for _, s := range f.Status {
		if !s.Valid() {
			return Page{}, fault(ErrInvalid, "status %q is none of ours", clip(string(s), 40))
		}
	}
	return e.page(&f, limit, after), nil
}

// page collects the newest that match and stand behind a place.
func (e *Engine) page(f *Filter, limit int, after place) Page {
	e.mu.Lock()
	defer e.mu.Unlock()
	found := newest{most: limit + 1, after: after, executions: []Execution{}}
	for _, x := range e.live {
		if f.hasStatus(x.status) {
			found.add(f, place{x.accepted.UnixNano(), x.id}, func() Execution {
				s := x.summary()
				s.QueuePosition = e.queue.position(x)
				return s
			})
		}
	}
	e.shelf.newest(func(g *finished) bool {
		if f.hasStatus(g.status) {
			found.add(f, place{g.accepted, g.id}, g.summary)
		}
		return true
	})
	p := Page{Executions: found.executions}
	if len(p.Executions) > limit {
		p.Executions, p.Next = p.Executions[:limit], found.places[limit-1].String()
	}
	return p
}

// place is where an execution stands in a list: the later it was accepted, the
// further at the front. It stays the same when the execution ends, and means
// something when it is gone.
type place struct {
	accepted int64 // nanoseconds since 1970
	id       ID
}

// compare is below 0 where p stands before q.
func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(q.accepted, p.accepted), bytes.Compare(q.id[:], p.id[:]))
}

func (p place) String() string { return strconv.FormatInt(p.accepted, 36) + "." + p.id.String() }

// parsePlace reads Filter.After; empty is before everything.
func parsePlace(text string) (place, error) {
	if text == "" {
		return place{accepted: math.MaxInt64}, nil
	}
	at, name, _ := strings.Cut(text, ".")
	accepted, err := strconv.ParseInt(at, 36, 64)
	id, idErr := ParseID(name)
	if err != nil || idErr != nil {
		return place{}, fault(ErrInvalid, "after is %q: must be the next of a page before", clip(text, 64))
	}
	return place{accepted, id}, nil
}

// newest keeps the first few of what it is shown, in the order of their places.
type newest struct {
	most       int
	after      place
	places     []place
	executions []Execution
}

// add keeps an execution that matches, if its place is among the first. What get
// costs is paid only then.
func (n *newest) add(f *Filter, p place, get func() Execution) {
	if p.compare(n.after) <= 0 || len(n.places) == n.most && p.compare(n.places[n.most-1]) > 0 {
		return
	}
	x := get()
	if !f.matches(&x) {
		return
	}
	i, _ := slices.BinarySearchFunc(n.places, p, place.compare)
	n.places, n.executions = slices.Insert(n.places, i, p), slices.Insert(n.executions, i, x)
	if len(n.places) > n.most {
		n.places, n.executions = n.places[:n.most], n.executions[:n.most]
	}
}

func (f *Filter) hasStatus(s Status) bool { return len(f.Status) == 0 || slices.Contains(f.Status, s) }

func (f *Filter) matches(x *Execution) bool {
	if f.Source != "" && x.Metadata.Source != f.Source {
		return false
	}
	if !within(x.AcceptedAt, f.Since, f.Until) {
		return false
	}
	for name, value := range f.Tags {
		if have, ok := x.Metadata.Tags[name]; !ok || have != value {
			return false
		}
	}
	return true
}

func within(t, since, until time.Time) bool {
	return !t.Before(since) && (until.IsZero() || t.Before(until))
}
