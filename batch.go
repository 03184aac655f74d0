package engine

import "context"

// Outcome is what became of one request of several: its id, or why it was refused.
type Outcome struct {
	ID  ID
	Err error
}

// BatchStore is a [Store] that keeps several requests at the cost of one.
type BatchStore interface {
	Store
	// AcceptAll is Accept of each, in this order. It returns one for each: an error, or
	// whether it is there already.
	AcceptAll(ctx context.Context, all []Acceptance) []Accepted
}

// Accepted is what Accept returns.
type Accepted struct {
	Known bool
	Err   error
}

// ExecuteBatch accepts several requests, in their order and each on its own: one that is
// refused does not keep the others out. It returns one outcome for each. Errors are those of
// Execute. Where the store is a [BatchStore], all of them cost one sync.
func (e *Engine) ExecuteBatch(ctx context.Context, requests []Request) []Outcome {
	outcomes := make([]Outcome, len(requests))
	if e.ledger == nil {
		for i, r := range requests {
			outcomes[i].ID, outcomes[i].Err = e.Execute(ctx, r)
		}
		return outcomes
	}
	arrivals := make([]*execution, len(requests))
	var kept []Acceptance
	for i := range requests {
		r, o := lifted(requests[i]), &outcomes[i]
		if arrivals[i], o.ID, o.Err = e.admit(ctx, &r, nil); arrivals[i] == nil {
			continue
		}
		a, err := e.arrive(arrivals[i])
		if err != nil {
			arrivals[i], *o = nil, Outcome{Err: err}
			continue
		}
		kept = append(kept, a)
	}
	all := e.acceptAll(context.WithoutCancel(ctx), kept) // whoever gives up waiting would not know whether they were kept
	for i, x := range arrivals {
		if x == nil {
			continue
		}
		this := all[0]
		all = all[1:]
		switch {
		case this.Err != nil:
			e.turnAway()
			outcomes[i] = Outcome{Err: this.Err}
		case this.Known:
			e.turnAway()
		default:
			if err := e.launch(x); err != nil { //nolint:contextcheck // ctx bounds this call, never the execution
				outcomes[i] = Outcome{Err: err}
			}
		}
	}
	return outcomes
}

// acceptAll has the store keep several, in their order.
func (e *Engine) acceptAll(ctx context.Context, kept []Acceptance) []Accepted {
	if s, ok := e.config.Store.(BatchStore); ok && len(kept) > 1 {
		return s.AcceptAll(ctx, kept)
	}
	all := make([]Accepted, len(kept))
	for i, a := range kept {
		all[i].Known, all[i].Err = e.config.Store.Accept(ctx, a)
	}
	return all
}
