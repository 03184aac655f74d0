package engine

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"sync"
)

// MemoryStore is a [Store] that forgets with the program. Its Close forgets
// earlier. Bytes, for Deletion.KeepBytes, are those of requests and commands. It
// encrypts nothing, for it writes nothing.
type MemoryStore struct {
	mu     sync.Mutex
	ids    map[ID]*stored
	order  []*stored // by their numbers
	last   int64     // number of the last accepted; counted from 1
	gone   expired
	closed bool
}

var _ Store = (*MemoryStore)(nil)

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore { return &MemoryStore{ids: make(map[ID]*stored)} }

// stored is what is kept of one execution.
type stored struct {
	number int64
	Acceptance
	result *Result
}

func (s *stored) bytes() int64 {
	return int64(len(s.Request) + len(s.Whole) + len(s.Execution.Command))
}

// expired are the ids of what was deleted, the last of them.
type expired struct{ ids, older map[ID]bool }

func (e *expired) add(id ID) {
	if len(e.ids) >= tombstones || e.ids == nil {
		e.older, e.ids = e.ids, make(map[ID]bool)
	}
	e.ids[id] = true
}

func (e *expired) has(id ID) bool { return e.ids[id] || e.older[id] }

// Close makes the store refuse everything.
func (m *MemoryStore) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ids, m.order, m.gone, m.closed = nil, nil, expired{}, true
	return nil
}

// Accept keeps a request. See [Store].
func (m *MemoryStore) Accept(_ context.Context, a Acceptance) (known bool, err error) {
	if err := a.Validate(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	id := a.Execution.ID
	s, err := m.findLocked(id)
	switch {
	case err == nil:
		err := sameContent(id, s.Digest, a.Digest)
		return err == nil, err
	case !errors.Is(err, ErrNotFound):
		return false, err
	}
	m.last++
	s = &stored{number: m.last, Acceptance: a}
	m.ids[id], m.order = s, append(m.order, s)
	return false, nil
}

// findLocked returns what is kept. Errors: ErrNotFound, ErrExpired, ErrClosed.
func (m *MemoryStore) findLocked(id ID) (*stored, error) {
	if m.closed {
		return nil, fault(ErrClosed, "the store")
	}
	if s, ok := m.ids[id]; ok {
		return s, nil
	}
	if m.gone.has(id) {
		return nil, fault(ErrExpired, "%s", id)
	}
	return nil, fault(ErrNotFound, "%s", id)
}

// Note keeps changes. See [Store].
func (m *MemoryStore) Note(_ context.Context, changes ...Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var faults []error
	for _, c := range changes {
		faults = append(faults, m.noteLocked(c))
	}
	return errors.Join(faults...)
}

func (m *MemoryStore) noteLocked(c Change) error {
	if err := c.Validate(); err != nil {
		return err
	}
	s, err := m.findLocked(c.ID)
	if err != nil {
		return err
	}
	x := &s.Execution
	if c.Shown != nil {
		s.show(c.Shown)
		return nil
	}
	if err := c.Follows(x.Status); err != nil {
		return err
	}
	x.Status = c.Status
	switch {
	case c.Result != nil:
		r := *c.Result
		r.Stdout, r.Stderr = "", ""
		s.result, s.Whole = &r, nil
		x.StartedAt, x.CompletedAt, x.Duration = r.StartedAt, r.CompletedAt, r.Duration
		x.ExitCode, x.Cursor = r.ExitCode, r.Cursor
	case c.Status == Running:
		if x.StartedAt = c.At; !s.waits() {
			s.Whole = nil
		}
	}
	return nil
}

// show replaces what is kept of the request.
func (s *stored) show(a *Acceptance) {
	x := &s.Execution
	x.Command, x.Actor, x.Metadata, s.Request = a.Execution.Command, a.Execution.Actor, a.Execution.Metadata, a.Request
	if s.waits() {
		s.Whole = a.Whole
	}
}

// waits reports whether all of its request is needed yet: it has neither started nor
// ended, or is a plan and has not ended.
func (s *stored) waits() bool {
	switch s.Execution.Status {
	case Pending, AwaitingApproval:
		return true
	case Running:
		return s.Execution.Type == string(CommandTypePlan)
	default:
		return false
	}
}

// Get returns what is kept of an execution. See [Store].
func (m *MemoryStore) Get(_ context.Context, id ID) (Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.findLocked(id)
	if err != nil {
		return Record{}, err
	}
	return s.record()
}

func (s *stored) record() (Record, error) {
	r := Record{Execution: s.Execution, Whole: s.waits()}
	data := s.Request
	if s.Whole != nil {
		data = s.Whole
	}
	if s.result != nil {
		result := *s.result
		r.Result = &result
	}
	var err error
	if r.Request, err = ParseRequest(data); err != nil {
		return Record{}, fault(ErrStore, "request of %s: %v", s.Execution.ID, err)
	}
	return r, nil
}

// List returns executions that match. See [Store].
func (m *MemoryStore) List(_ context.Context, f Filter) (Page, error) {
	if err := f.Validate(); err != nil {
		return Page{}, err
	}
	f = f.WithDefaults()
	after, err := numberAfter(f)
	if err != nil {
		return Page{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return Page{}, fault(ErrClosed, "the store")
	}
	p := Page{Executions: []Execution{}}
	var last int64
	for i := range m.order {
		s := m.order[i]
		if !f.Oldest {
			s = m.order[len(m.order)-1-i]
		}
		if !f.hasStatus(s.Execution.Status) || !f.matches(&s.Execution) {
			continue
		}
		if f.Total {
			p.Total++
		}
		if f.Oldest && s.number <= after || !f.Oldest && s.number >= after || p.Next != "" {
			continue
		}
		if len(p.Executions) == f.Limit {
			p.Next = strconv.FormatInt(last, 36)
			if !f.Total {
				break
			}
			continue
		}
		p.Executions, last = append(p.Executions, s.Execution), s.number
	}
	return p, nil
}

// numberAfter reads Filter.After; empty is before everything.
func numberAfter(f Filter) (int64, error) {
	switch {
	case f.After != "":
		n, err := strconv.ParseInt(f.After, 36, 64)
		if err != nil || n < 0 {
			return 0, badAfter(f.After)
		}
		return n, nil
	case f.Oldest:
		return 0, nil
	}
	return math.MaxInt64, nil
}

// Delete forgets finished executions. See [Store].
func (m *MemoryStore) Delete(_ context.Context, d Deletion) (int, error) {
	if err := d.Validate(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, fault(ErrClosed, "the store")
	}
	var faults []error
	doomed := make(map[ID]bool)
	for _, id := range d.IDs {
		s, err := m.findLocked(id)
		switch {
		case err != nil:
			faults = append(faults, err)
		case s.result == nil:
			faults = append(faults, fault(ErrNotFinished, "%s", id))
		default:
			doomed[id] = true
		}
	}
	m.overLocked(d, doomed)
	for id := range doomed {
		delete(m.ids, id)
		m.gone.add(id)
	}
	m.order = slices.DeleteFunc(m.order, func(s *stored) bool { return doomed[s.Execution.ID] })
	return len(doomed), errors.Join(faults...)
}

// overLocked adds those that match, are too old or too many.
func (m *MemoryStore) overLocked(d Deletion, doomed map[ID]bool) {
	var ended []*stored
	var bytes int64
	for _, s := range m.order {
		if doomed[s.Execution.ID] {
			continue
		}
		bytes += s.bytes()
		if s.result != nil {
			ended = append(ended, s)
		}
	}
	slices.SortStableFunc(ended, func(a, b *stored) int { return a.result.CompletedAt.Compare(b.result.CompletedAt) })
	left := len(ended)
	for _, s := range ended {
		x := &s.Execution
		if x.CompletedAt.Before(d.EndedBefore) || d.Match != nil && d.Match.hasStatus(x.Status) && d.Match.matches(x) ||
			d.Keep > 0 && left > d.Keep || d.KeepBytes > 0 && bytes > d.KeepBytes {
			doomed[x.ID] = true
			left--
			bytes -= s.bytes()
		}
	}
}
