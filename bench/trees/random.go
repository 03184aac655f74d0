package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

const (
	grace = 500 * time.Millisecond
	// latest is the latest moment of a cancel: by then the largest trees stand, and
	// many cancels come while they still grow.
	latest = 250 * time.Millisecond
	// late is how much longer than the grace a tree may take to be gone.
	late = 500 * time.Millisecond
)

// outcome is what became of a random tree.
type outcome struct {
	tree         node
	ended, empty time.Duration // since the cancel
	told         string        // a status that is not cancelled
	named, wrong int           // survivors in the result; of them ended nevertheless
	broken       []found       // should be gone
	escaped      []found       // beyond today's reach
	err          error
}

// showRandom cancels random trees and prints what was left of them.
func showRandom(out io.Writer, mark string, c engine.Containment, o options) error {
	n := o.trees
	if n <= 0 {
		n = 1000
		if o.short {
			n = 100
		}
	}
	e, err := engine.New(engine.Config{Grace: grace, WaitDelay: grace, Containment: c})
	if err != nil {
		return err
	}
	defer e.Shutdown(context.Background()) //nolint:errcheck // nothing runs any more
	self, err := os.Executable()
	if err != nil {
		return err
	}
	f := forester{e, self, c}
	s := summary{held: c, seed: o.seed, outcomes: make([]outcome, n)}
	var all sync.WaitGroup
	room := make(chan struct{}, max(1, o.together))
	for i := range s.outcomes {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			s.outcomes[i] = f.fell(rand.New(rand.NewPCG(o.seed, uint64(i))), fmt.Sprintf("%s/%d", mark, i))
		})
	}
	all.Wait()
	return s.write(out)
}

// forester grows trees in an engine and fells them.
type forester struct {
	engine *engine.Engine
	self   string
	held   engine.Containment
}

// fell starts a random tree, cancels it at a random moment, and looks for what is
// left.
func (f forester) fell(random *rand.Rand, mark string) (o outcome) {
	defer clear(ofTree(mark))
	ctx := context.Background()
	o.tree = newTree(random)
	id, err := f.engine.Execute(ctx, engine.Request{Command: engine.Exec(f.self, nodeFlag, mark, o.tree.String())})
	if err != nil {
		o.err = err
		return o
	}
	time.Sleep(rand.N(latest))
	start := time.Now()
	if o.err = f.engine.Cancel(ctx, id, engine.Cancellation{}); o.err != nil {
		return o
	}
	r, err := f.engine.Wait(ctx, id)
	o.ended, o.err = time.Since(start), err
	if r.Status != engine.Cancelled {
		o.told = string(r.Status)
	}
	promised := func(p found) bool { return ofTree(mark)(p) && !f.beyondReach(p) }
	o.broken = settled(promised, 2*time.Second)
	o.empty = time.Since(start)
	o.escaped = search(func(p found) bool { return ofTree(mark)(p) && f.beyondReach(p) })
	o.named = len(r.Survivors)
	for _, survivor := range r.Survivors {
		if p, ok := look(survivor.Pid); !ok || !ofTree(mark)(p) {
			o.wrong++
		}
	}
	return o
}

// beyondReach reads from the arguments of a process of a tree whether it escapes
// by design. From a cgroup or a reaper nothing does.
func (f forester) beyondReach(p found) bool {
	if f.held != engine.ContainmentGroup {
		return false
	}
	traits, _, _ := strings.Cut(p.argv[len(p.argv)-1], "(")
	return strings.ContainsRune(traits, byDesign)
}
