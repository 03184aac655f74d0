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

// Note keeps changes. See engine.Store.
func (s *Store) Note(ctx context.Context, changes ...engine.Change) error {
	var faults []error
	valid, results := make([]engine.Change, 0, len(changes)), make([][]byte, 0, len(changes))
	for _, c := range changes {
		result, err := kept(&c)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		valid, results = append(valid, c), append(results, result)
	}
	if len(valid) == 0 {
		return errors.Join(faults...)
	}
	var refusals []error
	err := s.writer.change(ctx, func(ctx context.Context, t *transaction) error {
		refusals = nil
		for i := range valid {
			refusal, err := t.note(ctx, &valid[i], results[i])
			if err != nil {
				return err
			}
			refusals = append(refusals, refusal)
		}
		return nil
	})
	if err != nil {
		return errors.Join(append(faults, err)...)
	}
	return errors.Join(append(faults, refusals...)...)
}

// kept is the result of a change as it is kept, without the output; nil for none.
func kept(c *engine.Change) ([]byte, error) {
	if err := c.Validate(); err != nil || c.Result == nil {
		return nil, err
	}
	data, err := pack(c.Result)
	if err != nil {
		return nil, about(engine.ErrInvalid, "result of %s: %v", c.ID, err)
	}
	return data, nil
}
