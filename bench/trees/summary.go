package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// summary is what became of all random trees.
type summary struct {
	held     engine.Containment
	seed     uint64
	outcomes []outcome
}

func (s summary) write(out io.Writer) error {
	t, faults := s.count()
	fmt.Fprintf(out, "\ncontainment %s: %d random trees of %d processes, -seed %d, cancelled at random with a grace of %v\n",
		s.held, len(s.outcomes), t.processes, s.seed, grace)
	s.writeTimes(out)
	fmt.Fprintf(out, "  survivors that it promises to end: %d\n", t.broken)
	if s.held == engine.ContainmentGroup {
		fmt.Fprintf(out, "  escaped by design, clean environment and a group or session of its own: %d, of %d trees\n", t.escaped, t.escapedFrom)
		fmt.Fprintln(out, "    (for a cgroup or a reaper to catch; killed here)")
	}
	fmt.Fprintf(out, "  survivors that the results name: %d, of which %d were gone\n", t.named, t.wrong)
	s.writeLeft(out)
	if t.broken > 0 {
		faults = append(faults, errLeft)
	}
	return errors.Join(faults...)
}

// totals are counts over all trees.
type totals struct {
	processes       int // as drawn: a tree cancelled early has fewer
	broken, escaped int
	escapedFrom     int // trees
	named, wrong    int
}

// count adds up, and returns what went wrong besides survivors.
func (s summary) count() (t totals, faults []error) {
	for i, o := range s.outcomes {
		t.processes += strings.Count(o.tree.String(), "(")
		t.broken += len(o.broken)
		t.escaped += len(o.escaped)
		t.named += o.named
		t.wrong += o.wrong
		if len(o.escaped) > 0 {
			t.escapedFrom++
		}
		if o.err != nil {
			faults = append(faults, fmt.Errorf("tree %d: %w", i, o.err))
		}
		if o.told != "" {
			faults = append(faults, fmt.Errorf("tree %d was cancelled and is told as %s", i, o.told))
		}
	}
	return t, faults
}

// writeTimes writes how long the trees took from the cancel on: until the engine
// told the end, and until nothing was left of what it can reach.
func (s summary) writeTimes(out io.Writer) {
	all := func(outcome) bool { return true }
	contained := func(o outcome) bool { return len(o.escaped) == 0 }
	ended := func(o outcome) time.Duration { return o.ended }
	empty := func(o outcome) time.Duration { return o.empty }
	fmt.Fprintf(out, "  cancel to ended                    %s\n", s.spread(all, ended))
	fmt.Fprintf(out, "  cancel to empty                    %s  (wanted: p99 at most %v)\n", s.spread(all, empty), grace+late)
	if s.held == engine.ContainmentGroup {
		fmt.Fprintf(out, "  the same where nothing escaped     %s\n", s.spread(contained, empty))
	}
}

// spread is the middle and the end of the times of some trees.
func (s summary) spread(which func(outcome) bool, of func(outcome) time.Duration) string {
	var all []time.Duration
	for _, o := range s.outcomes {
		if which(o) {
			all = append(all, of(o).Round(time.Millisecond))
		}
	}
	if len(all) == 0 {
		return "no tree"
	}
	slices.Sort(all)
	return fmt.Sprintf("p50 %v  p99 %v  longest %v", all[len(all)/2], all[len(all)*99/100], all[len(all)-1])
}

// writeLeft names those that break the promise, and a few of those that do not.
func (s summary) writeLeft(out io.Writer) {
	examples := 3
	for i, o := range s.outcomes {
		for _, p := range o.broken {
			fmt.Fprintf(out, "    SURVIVOR of tree %d: %s\n      of %s\n", i, p, o.tree)
		}
		if len(o.escaped) > 0 && examples > 0 {
			examples--
			fmt.Fprintf(out, "    for instance, of tree %d: %s\n", i, o.escaped[0])
		}
	}
}
