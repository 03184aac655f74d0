package engine

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Get returns what is known of an execution. See [API].
func (e *Engine) Get(ctx context.Context, id ID) (Execution, error) {
	x, f, err := e.lookup(ctx, id)
	switch {
	case err != nil:
		return Execution{}, err
	case f != nil:
		return f.summary(), nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.summaryLocked(x), nil
}

// summaryLocked is what is known of an execution that is live.
func (e *Engine) summaryLocked(x *execution) Execution {
	s := x.summary()
	s.QueuePosition = e.queue.position(x)
	if holder, position := e.locks.barred(x); holder != nil {
		s.QueuePosition, s.Lock, s.LockedBy = position, x.lock, holder.id
	}
	return s
}

// Status returns where in its life an execution is. See [API].
func (e *Engine) Status(ctx context.Context, id ID) (Status, error) {
	x, f, err := e.lookup(ctx, id)
	switch {
	case err != nil:
		return "", err
	case f != nil:
		return f.status, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return x.status, nil
}

// Result returns how an execution ended. See [API].
func (e *Engine) Result(ctx context.Context, id ID) (Result, error) {
	_, f, err := e.lookup(ctx, id)
	if err != nil {
		return Result{}, err
	}
	if f == nil {
		return Result{}, fault(ErrNotFinished, "%s", id)
	}
	return f.result(), nil
}

// Wait waits until an execution ended. See [API].
func (e *Engine) Wait(ctx context.Context, id ID) (Result, error) {
	x, f, err := e.lookup(ctx, id)
	if err != nil {
		return Result{}, err
	}
	if f == nil {
		if err := waitFor(ctx, e.over(x)); err != nil {
			return Result{}, err
		}
		if x.final == nil {
			return Result{}, fault(ErrClosed, "execution %s goes on without it", id)
		}
		return x.result(), nil
	}
	return f.result(), nil
}

// over is closed when the execution has its final.
func (e *Engine) over(x *execution) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x.done == nil {
		x.done = make(chan struct{})
		if x.final != nil || x.phase == over {
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
	s.Running, s.Queued, s.Finished = e.running, e.queue.len()+e.locks.waiting, e.shelf.len()
	s.OutputBytes = e.budget.Used()
	return s, nil
}

// List returns executions, newest first. See [API].
func (e *Engine) List(ctx context.Context, f Filter) (Page, error) {
	if err := f.Validate(); err != nil {
		return Page{}, err
	}
	if e.ledger != nil {
		return e.stored(ctx, f)
	}
	after, err := parsePlace(f.After, f.Oldest)
	if err != nil {
		return Page{}, err
	}
	f = f.WithDefaults()
	return e.page(&f, after), nil
}

// page collects the first that match and stand behind a place.
func (e *Engine) page(f *Filter, after place) Page {
	e.mu.Lock()
	defer e.mu.Unlock()
	found := first{most: f.Limit + 1, after: after, filter: f, executions: []Execution{}}
	for _, x := range e.live {
		if f.hasStatus(x.status) {
			found.add(place{x.accepted.UnixNano(), x.id, f.Oldest}, func() Execution {
				return e.summaryLocked(x)
			})
		}
	}
	e.shelf.newest(func(g *finished) bool {
		if f.hasStatus(g.status) {
			found.add(place{g.accepted, g.id, f.Oldest}, g.summary)
		}
		return true
	})
	p := Page{Executions: found.executions, Total: found.total}
	if len(p.Executions) > f.Limit {
		p.Executions, p.Next = p.Executions[:f.Limit], found.places[f.Limit-1].String()
	}
	return p
}

// place is where an execution stands in a list: the later it was accepted, the
// further at the front, or the other way round. It stays the same when the
// execution ends, and means something when it is gone.
type place struct {
	accepted int64 // nanoseconds since 1970
	id       ID
	oldest   bool // the oldest are at the front
}

// compare is below 0 where p stands before q.
func (p place) compare(q place) int {
	if p.oldest {
		p, q = q, p
	}
	return cmp.Or(cmp.Compare(q.accepted, p.accepted), bytes.Compare(q.id[:], p.id[:]))
}

func (p place) String() string { return strconv.FormatInt(p.accepted, 36) + "." + p.id.String() }

// parsePlace reads Filter.After; empty is before everything.
func parsePlace(text string, oldest bool) (place, error) {
	if text == "" {
		start := place{accepted: math.MaxInt64, oldest: oldest}
		if oldest {
			start.accepted = math.MinInt64
		}
		return start, nil
	}
	at, name, _ := strings.Cut(text, ".")
	accepted, err := strconv.ParseInt(at, 36, 64)
	id, idErr := ParseID(name)
	if err != nil || idErr != nil {
		return place{}, badAfter(text)
	}
	return place{accepted, id, oldest}, nil
}

// first keeps the first few of what it is shown, in the order of their places.
type first struct {
	most       int
	after      place
	filter     *Filter
	places     []place
	executions []Execution
	total      int // of those that match, whatever their places; counted if the filter asks
}

// add keeps an execution that matches, if its place is among the first. What get
// costs is paid only then, or where all are counted.
func (n *first) add(p place, get func() Execution) {
	among := p.compare(n.after) > 0 && (len(n.places) < n.most || p.compare(n.places[n.most-1]) < 0)
	if !among && !n.filter.Total {
		return
	}
	x := get()
	if !n.filter.matches(&x) {
		return
	}
	if n.filter.Total {
		n.total++
	}
	if !among {
		return
	}
	i, _ := slices.BinarySearchFunc(n.places, p, place.compare)
	n.places, n.executions = slices.Insert(n.places, i, p), slices.Insert(n.executions, i, x)
	if len(n.places) > n.most {
		n.places, n.executions = n.places[:n.most], n.executions[:n.most]
	}
}
