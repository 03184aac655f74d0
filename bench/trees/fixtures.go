package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// fixture is a shape of tree that is stopped once its sleep runs, or one that
// ends by itself.
type fixture struct {
	name, what, line string
	stopped          bool
}

func fixtures() []fixture {
	return []fixture{
		{"T", "a grandchild in the group holds stdout", `sleep 300 & wait`, true},
		{"S", "a grandchild in a session of its own holds stdout", `setsid sleep 300 & wait`, true},
		{
			"L", "the leader exits 0 on TERM, a member without stdio ignores it",
			`trap 'exit 0' TERM; (trap '' TERM; exec sleep 300) </dev/null >/dev/null 2>&1 & while :; do sleep 0.05; done`, true,
		},
		{"I", "the process ignores TERM", `trap '' TERM; exec sleep 300`, true},
		{"K", "the command has exited 0, a child holds stdout for 6 s", `sleep 6 & exit 0`, false},
	}
}

const (
	hangs    = 8 * time.Second                 // a call that has not returned by then is not waited for
	inTime   = patience + 500*time.Millisecond // the latest return that passes
	goneSoon = 500 * time.Millisecond          // for what was killed to be gone
	ready    = 20 * time.Second                // for a fixture to stand
	never    = time.Duration(1<<63 - 1)        // it did not return
)

// row is what a peer made of a fixture.
type row struct {
	fixture fixture
	peer    string
	ended   time.Duration
	verdict verdict
	left    []found
}

// faults are why it does not pass.
func (r row) faults() (all []string) {
	if r.ended > inTime {
		all = append(all, "late")
	}
	if len(r.left) > 0 {
		all = append(all, "survivor")
	}
	if r.ended != never && r.verdict.success == r.fixture.stopped {
		all = append(all, map[bool]string{true: "told as success", false: "told as failure"}[r.verdict.success])
	}
	return all
}

// showFixtures prints the table of the five shapes, and fails if ours has a fault.
func showFixtures(out io.Writer, mark string, held []engine.Containment) error {
	all, stop, err := peers(held)
	if err != nil {
		return err
	}
	defer stop()
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "fixture\tpeer\tended after\treported\tsurvivors\tpasses")
	var missed error
	for _, f := range fixtures() {
		for j, p := range all {
			r, err := try(f, p, fmt.Sprintf("%s/%s-%d", mark, f.name, j))
			if err != nil {
				return fmt.Errorf("%s by %s: %w", f.name, p.name, err)
			}
			r.write(table)
			if j < len(held) && len(r.faults()) > 0 {
				missed = errLeft
			}
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nFrom the stop on, K from the start. To pass: back within %v, nothing left, a stopped command not told as a success.\n", inTime)
	for _, f := range fixtures() {
		fmt.Fprintf(out, "  %s  %s\n", f.name, f.what)
	}
	return missed
}

func (r row) write(w io.Writer) {
	ended, told, passes := "not within "+hangs.String(), "-", "ok"
	if r.ended != never {
		ended, told = fmt.Sprintf("%.2f s", r.ended.Seconds()), r.verdict.text
	}
	if f := r.faults(); len(f) > 0 {
		passes = "no: " + strings.Join(f, ", ")
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", r.fixture.name, r.peer, ended, told, len(r.left), passes)
}

// try gives one fixture to one peer, and ends what that leaves.
func try(f fixture, p peer, mark string) (row, error) {
	defer clear(ofTree(mark))
	r := row{fixture: f, peer: p.name, ended: never}
	start := time.Now()
	c, err := p.start(f.line, mark)
	if err != nil {
		return r, err
	}
	if f.stopped {
		if err := stands(mark); err != nil {
			return r, err
		}
		start = time.Now()
		c.stop()
	}
	select {
	case r.verdict = <-c.done:
		r.ended = time.Since(start)
		r.left = settled(ofTree(mark), goneSoon)
	case <-time.After(hangs):
		r.left = search(ofTree(mark))
		clear(ofTree(mark)) // which is what it waits for
		<-c.done
	}
	return r, nil
}

// stands waits until the sleep of a fixture runs.
func stands(mark string) error {
	for deadline := time.Now().Add(ready); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if slices.ContainsFunc(search(ofTree(mark)), func(f found) bool { return strings.Join(f.argv, " ") == "sleep 300" }) {
			return nil
		}
	}
	return fmt.Errorf("its sleep does not run after %v", ready)
}
