package plan

// Node is one command of a plan.
type Node struct {
	// Needs are the nodes that must have ended well; where one has not, this is skipped.
	Needs []int
	// After are the nodes that must be over, however they ended.
	After []int
	// When has to hold as a whole; where it does not, this is passed over. Its nodes must
	// be among After.
	When []Condition
	// Continue has those that need it take a failure for success, and it does not count
	// to halt the plan.
	Continue bool
	// Retry says when it gets another attempt.
	Retry Retry
	// Group is which group it is of, counted from 1; 0: none.
	Group int
	// Join has it run nothing: it is over when it could start. It stands between many and
	// many, which would have as many edges as one times the other.
	Join bool
}

// Condition holds where a node ended in one of these ways.
type Condition struct {
	Node     int
	Outcomes Outcomes
	// Codes are exit codes that it has to have besides; none: any.
	Codes []int
}

// edges are the nodes that wait for each, Needs and After alike.
func edges(nodes []Node) (dependents [][]int, waits []int) {
	waits = make([]int, len(nodes))
	count := make([]int, len(nodes))
	for i := range nodes {
		waits[i] = len(nodes[i].Needs) + len(nodes[i].After)
		for _, list := range [...][]int{nodes[i].Needs, nodes[i].After} {
			for _, before := range list {
				count[before]++
			}
		}
	}
	dependents = make([][]int, len(nodes))
	for i, n := range count {
		dependents[i] = make([]int, 0, n)
	}
	for i := range nodes {
		for _, list := range [...][]int{nodes[i].Needs, nodes[i].After} {
			for _, before := range list {
				dependents[before] = append(dependents[before], i)
			}
		}
	}
	return dependents, waits
}

// Order is the nodes in an order in which they can run, and how many steps each has at
// least before it: those of one wave can run at once. Where there are cycles the nodes of
// these, and what waits for them, are missing, and the wave of a missing node is -1.
func Order(nodes []Node) (order, waves []int) {
	dependents, waits := edges(nodes)
	order, waves = make([]int, 0, len(nodes)), make([]int, len(nodes))
	for i, n := range waits {
		if n == 0 {
			order = append(order, i)
		}
	}
	for at := 0; at < len(order); at++ {
		i := order[at]
		next := waves[i] + 1
		if nodes[i].Join {
			next = waves[i]
		}
		for _, d := range dependents[i] {
			waves[d] = max(waves[d], next)
			if waits[d]--; waits[d] == 0 {
				order = append(order, d)
			}
		}
	}
	for i, n := range waits {
		if n > 0 {
			waves[i] = -1
		}
	}
	return order, waves
}

// Cycles are paths of nodes of which each waits for the next, and the last for the
// first: at least one for each that has to be cut. There are none where the plan can
// run.
func Cycles(nodes []Node) (cycles [][]int) {
	_, waves := Order(nodes)
	walk := make([]int, len(nodes)) // which walk came by, counted from 1
	for start := range nodes {
		if waves[start] >= 0 || walk[start] != 0 {
			continue
		}
		var path []int
		at := start
		for walk[at] == 0 {
			walk[at] = start + 1
			path = append(path, at)
			at = unordered(&nodes[at], waves)
		}
		if walk[at] != start+1 {
			continue // what an earlier walk has seen
		}
		for i, n := range path {
			if n == at {
				cycles = append(cycles, path[i:])
			}
		}
	}
	return cycles
}

// unordered is one that the node waits for and that has no place in the order. There is
// one, or the node had a place itself.
func unordered(n *Node, waves []int) int {
	for _, list := range [...][]int{n.Needs, n.After} {
		for _, before := range list {
			if waves[before] < 0 {
				return before
			}
		}
	}
	return 0
}
