//go:build unix && !linux

package process

import (
	"errors"
	"fmt"
	"math"
)

// Enforcements says that no resource can be limited here.
func (t *Table) Enforcements() (all []Enforcement) {
	for _, r := range []Resource{Memory, CPUs, Processes, OpenFiles} {
		all = append(all, Enforcement{Resource: r, Why: errors.ErrUnsupported})
	}
	return all
}

// check refuses what cannot be done here.
func (s *Spec) check() error {
	if s.NoNewPrivileges {
		return fmt.Errorf("no new privileges: %w", errors.ErrUnsupported)
	}
	if asked := s.Limits.Asked(); len(asked) > 0 && !s.Limits.BestEffort {
		return fmt.Errorf("%w: %s", ErrUnenforced, asked[0])
	}
	return nil
}

// Hits says that no limit stood in the way: there are none.
func (p *Process) Hits() Hits { return Hits{} }

// MaxOpenFiles is the most that Limits.OpenFiles can be: no limit is too high where
// none can be kept.
func MaxOpenFiles() int64 { return math.MaxInt64 }
