package plan

import "slices"

// Spec is what a [Machine] works by. Its nodes must have an order: see [Cycles].
type Spec struct {
	Nodes []Node
	// Concurrency is how many may run at once; 0: any number.
	Concurrency int
	// Groups is how many of each group may run at once; 0: any number.
	Groups []int
	Halt   Halt
}

// Machine is a plan that runs. Make it with [New].
type Machine struct {
	spec       Spec
	dependents [][]int
	waits      []int // how many have to be over before it
	state      []state
	attempts   []int
	last       []Ending // of the last attempt
	ready      fifo
	groups     []group
	skipped    []int
	running    int
	left       int // nodes that are not over
	total      int // nodes that run something
	over       int // of those
	failures   int
	stopped    bool // only what has conditions may start
	closed     bool // nothing may
}

// state is where a node is.
type state uint8

const (
	waiting state = iota
	ready
	running
	paused
	over
)

// group are nodes that share a limit.
type group struct {
	limit, running int
	waiting        fifo // ready, but for the limit
}

// fifo is first in, first out.
type fifo struct {
	items []int
	head  int
}

func (f *fifo) push(i int) { f.items = append(f.items, i) }

func (f *fifo) pop() (i int, ok bool) {
	if f.head == len(f.items) {
		f.items, f.head = f.items[:0], 0
		return 0, false
	}
	f.head++
	return f.items[f.head-1], true
}

// New returns a machine of which nothing has started.
func New(s Spec) *Machine {
	m := &Machine{
		spec: s, state: make([]state, len(s.Nodes)), attempts: make([]int, len(s.Nodes)),
		last: make([]Ending, len(s.Nodes)), groups: make([]group, len(s.Groups)),
	}
	for i, limit := range s.Groups {
		m.groups[i].limit = limit
	}
	m.dependents, m.waits = edges(s.Nodes)
	m.left = len(s.Nodes)
	for i, n := range m.waits {
		if !s.Nodes[i].Join {
			m.total++
		}
		if n == 0 {
			m.state[i] = ready
			m.ready.push(i)
		}
	}
	return m
}

// Start returns a node that starts now, or that there is none until another has ended.
func (m *Machine) Start() (node int, ok bool) {
	if m.spec.Concurrency > 0 && m.running >= m.spec.Concurrency {
		return 0, false
	}
	for {
		i, ok := m.ready.pop()
		if !ok {
			return 0, false
		}
		g := m.groupOf(i)
		if m.state[i] != ready { // it was skipped meanwhile
			m.promote(g)
			continue
		}
		if g != nil {
			if g.limit > 0 && g.running >= g.limit {
				g.waiting.push(i)
				continue
			}
			g.running++
		}
		m.state[i] = running
		m.running++
		m.attempts[i]++
		return i, true
	}
}

// promote has the next of a group that waits for its limit ask again.
func (m *Machine) promote(g *group) {
	if g == nil {
		return
	}
	if i, ok := g.waiting.pop(); ok {
		m.ready.push(i)
	}
}

func (m *Machine) groupOf(i int) *group {
	if n := m.spec.Nodes[i].Group; n > 0 {
		return &m.groups[n-1]
	}
	return nil
}

// Verdict is what follows from the end of an attempt.
type Verdict struct {
	// Again says that the node gets another attempt: after a pause tell it to Resume.
	Again bool
	// Stop says that those that run are to be cancelled.
	Stop bool
}

// End tells how an attempt of a node ended.
func (m *Machine) End(node int, e Ending) (v Verdict) {
	m.running--
	m.last[node] = e
	if g := m.groupOf(node); g != nil {
		g.running--
		m.promote(g)
	}
	n := &m.spec.Nodes[node]
	if !m.stopped && n.Retry.allows(m.attempts[node], e) {
		m.state[node] = paused
		return Verdict{Again: true}
	}
	m.settle(node)
	if e.Outcome.isFailure() && !n.Continue {
		m.failures++
	}
	switch {
	case m.closed:
	case e.Outcome == Lost:
		m.Close()
	case !m.stopped && m.spec.Halt.reached(m.failures, m.total):
		if v.Stop = m.spec.Halt.Now; v.Stop {
			m.Close()
		} else {
			m.stop()
		}
	}
	return v
}

// Resume has a node start again whose pause is over. It reports false where there is no
// other attempt any more.
func (m *Machine) Resume(node int) bool {
	if m.state[node] != paused {
		return false
	}
	m.state[node] = ready
	m.ready.push(node)
	return true
}

// Close has nothing start any more. What runs is waited for.
func (m *Machine) Close() {
	m.closed = true
	m.stop()
}

// stop has nothing start any more that has no conditions, or nothing.
func (m *Machine) stop() {
	m.stopped = true
	for i := range m.state {
		switch s := m.state[i]; {
		case s == running, s == over:
		case m.attempts[i] > 0: // it was about to have another
			m.settle(i)
			if !m.spec.Nodes[i].Continue {
				m.failures++
			}
		case m.closed, s == ready && !m.spared(i):
			m.skip(i, Skipped)
		}
	}
}

// spared reports whether a plan that was stopped may start a node all the same.
func (m *Machine) spared(i int) bool {
	n := &m.spec.Nodes[i]
	return !m.closed && (n.Join || len(n.When) > 0)
}

// skip has a node be over that never started.
func (m *Machine) skip(i int, o Outcome) {
	m.pass(i, o)
	m.spread(i)
}

// settle has a node be over whose last attempt has ended.
func (m *Machine) settle(i int) {
	m.state[i] = over
	m.left--
	m.over++
	m.spread(i)
}

// pass marks a node as over that never started.
func (m *Machine) pass(i int, o Outcome) {
	m.last[i] = Ending{Outcome: o, Code: -1}
	m.state[i] = over
	m.left--
	if !m.spec.Nodes[i].Join {
		m.skipped = append(m.skipped, i)
		m.over++
	}
}

// spread has those start that waited for a node, or be over with it: one after the other,
// because a plan may be one long chain.
func (m *Machine) spread(node int) {
	pending := []int{node}
	for len(pending) > 0 {
		i := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		for _, d := range m.dependents[i] {
			if m.waits[d]--; m.waits[d] > 0 || m.state[d] != waiting {
				continue
			}
			o := m.judge(d)
			if o == None && m.spec.Nodes[d].Join {
				o = Completed
			}
			if o != None {
				m.pass(d, o)
				pending = append(pending, d)
				continue
			}
			m.state[d] = ready
			m.ready.push(d)
		}
	}
}

// judge says whether a node may start for which nothing is left to wait for: None, or why
// not.
func (m *Machine) judge(i int) Outcome {
	n := &m.spec.Nodes[i]
	if m.stopped && !m.spared(i) {
		return Skipped
	}
	for _, before := range n.Needs {
		if o := m.last[before].Outcome; o == Skipped || o.isFailure() && !m.spec.Nodes[before].Continue {
			return Skipped
		}
	}
	for _, c := range n.When {
		if e := m.last[c.Node]; !c.Outcomes.Has(e.Outcome) || len(c.Codes) > 0 && !slices.Contains(c.Codes, e.Code) {
			return Passed
		}
	}
	return None
}

// Skipped returns the nodes that are over without having started and that it has not
// returned before.
func (m *Machine) Skipped() []int {
	list := m.skipped
	m.skipped = nil
	return list
}

// Done reports whether every node is over.
func (m *Machine) Done() bool { return m.left == 0 }

// Closed reports whether nothing starts any more.
func (m *Machine) Closed() bool { return m.closed }

// Running is how many nodes run.
func (m *Machine) Running() int { return m.running }

// Over is how many nodes are over, of those that run something.
func (m *Machine) Over() int { return m.over }

// Outcome is how a node ended; None while it is not over.
func (m *Machine) Outcome(node int) Outcome {
	if m.state[node] != over {
		return None
	}
	return m.last[node].Outcome
}

// Attempts is how often a node was started.
func (m *Machine) Attempts(node int) int { return m.attempts[node] }

// Failures is how many nodes ended so that the plan has failed.
func (m *Machine) Failures() int { return m.failures }
