package history

import (
	"context"
	"errors"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Accept keeps a request. See engine.Store.
func (s *Store) Accept(ctx context.Context, a engine.Acceptance) (bool, error) {
	if err := a.Validate(); err != nil {
		return false, err
	}
	r, err := s.keys.row(&a)
	if err != nil {
		return false, about(engine.ErrStore, "request of %s: %v", a.Execution.ID, err)
	}
	var known bool
	var refusal error
	err = s.writer.change(ctx, func(ctx context.Context, t *transaction) (err error) {
		known, refusal, err = t.accept(ctx, r)
		return err
	})
	if err != nil {
		return false, err // known belongs to the writer until it is done
	}
	return known, refusal
}

// AcceptAll keeps several requests in one transaction. See engine.BatchStore.
func (s *Store) AcceptAll(ctx context.Context, all []engine.Acceptance) []engine.Accepted {
	out, rows := make([]engine.Accepted, len(all)), make([]*row, len(all))
	for i := range all {
		if out[i].Err = all[i].Validate(); out[i].Err != nil {
			continue
		}
		r, err := s.keys.row(&all[i])
		if err != nil {
			out[i].Err = about(engine.ErrStore, "request of %s: %v", all[i].Execution.ID, err)
			continue
		}
		rows[i] = r
	}
	found := make([]engine.Accepted, len(all)) // it belongs to the writer until that is done
	err := s.writer.change(ctx, func(ctx context.Context, t *transaction) (err error) {
		for i, r := range rows {
			if r == nil {
				continue
			}
			if found[i].Known, found[i].Err, err = t.accept(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	for i, r := range rows {
		switch {
		case r == nil:
		case err != nil:
			out[i].Err = err
		default:
			out[i] = found[i]
		}
	}
	return out
}

// Note keeps changes. See engine.Store.
func (s *Store) Note(ctx context.Context, changes ...engine.Change) error {
	var faults []error
	steps := make([]step, 0, len(changes))
	for i := range changes {
		step, err := s.step(&changes[i])
		if err != nil {
			faults = append(faults, err)
			continue
		}
		steps = append(steps, step)
	}
	if len(steps) == 0 {
		return errors.Join(faults...)
	}
	joinSteps(steps)
	var refusals []error
	err := s.writer.change(ctx, func(ctx context.Context, t *transaction) error {
		refusals = nil
		for i := range steps {
			found, err := t.note(ctx, &steps[i])
			if err != nil {
				return err
			}
			refusals = append(refusals, found...)
		}
		return nil
	})
	if err != nil {
		return errors.Join(append(faults, err)...)
	}
	return errors.Join(append(faults, refusals...)...)
}

// step is a change as it is kept.
type step struct {
	*engine.Change

	kept  []byte // its result, nil for none
	shown *row   // what is shown, nil for none
	// start is the start right before this ending, which is kept with it in one
	// statement; nil for none. Most executions are short: they start and end in one
	// call, and it saves a fourth of what a record costs.
	start *step
	// joined says that another step keeps this one.
	joined bool
}

// joinSteps has each ending keep the start of its execution, where nothing else of that
// comes between.
func joinSteps(all []step) {
	if len(all) < 2 {
		return
	}
	starts := make(map[engine.ID]*step, len(all)/2)
	for i := range all {
		s := &all[i]
		if start := starts[s.ID]; start != nil && engine.Running.CanBecome(s.Status) {
			start.joined, s.start = true, start
		}
		if delete(starts, s.ID); s.Status == engine.Running {
			starts[s.ID] = s
		}
	}
}

// step is a change as it is kept, its result without the output.
func (s *Store) step(c *engine.Change) (made step, err error) {
	made.Change = c
	switch err = c.Validate(); {
	case err != nil:
	case c.Shown != nil:
		if made.shown, err = s.keys.row(c.Shown); err != nil {
			err = about(engine.ErrStore, "request of %s: %v", c.ID, err)
		}
	case c.Result != nil:
		if made.kept, err = pack(c.Result); err != nil {
			err = about(engine.ErrInvalid, "result of %s: %v", c.ID, err)
		}
	}
	return made, err
}
