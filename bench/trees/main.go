// Trees shows what ends a tree of processes and what does not. It runs on Linux.
//
//	go run ./trees                      # the five fixtures, then 1,000 random trees, in each containment
//	go run ./trees -short               # the five fixtures, then 100
//	go run ./trees -containment reaper  # in one
//
// The first part gives five shapes of tree to the engine in each containment that is
// there, to go-cmd/cmd and to os/exec, one after the other. The second has the engine
// cancel random trees at random moments, the same in each containment; this program,
// started again, is each of their processes.
// Whatever is left is counted and then killed here, so that nothing stays.
//
// It exits 1 where the engine leaves something that its containment promises to
// end. What it does not promise is counted apart, and named.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	engine "github.com/escher-dbai/cloudops-engine"
)

// options are the flags.
type options struct {
	trees    int
	together int
	seed     uint64
	short    bool
	fixtures bool
	random   bool
	only     string
}

func main() {
	engine.ReaperMain()
	if len(os.Args) == 4 && (os.Args[1] == nodeFlag || os.Args[1] == forkFlag) {
		if err := beNode(os.Args[1], os.Args[2], os.Args[3]); err != nil {
			os.Exit(1) // it has nobody to tell
		}
		return
	}
	var o options
	flag.IntVar(&o.trees, "n", 0, "random trees (default 1000, short 100)")
	flag.IntVar(&o.together, "together", runtime.NumCPU(), "random trees at once")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64(), "what the random trees come from")
	flag.BoolVar(&o.short, "short", false, "fewer random trees")
	flag.BoolVar(&o.fixtures, "fixtures", false, "only the five fixtures")
	flag.BoolVar(&o.random, "random", false, "only the random trees")
	flag.StringVar(&o.only, "containment", "", "only this one: cgroup, reaper or group")
	flag.Parse()
	if err := run(o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "trees:", err)
		os.Exit(1)
	}
}

// errLeft ends a run in which the engine left what it promises to end.
var errLeft = errors.New("the engine does not hold what it promises")

func run(o options, out io.Writer) error {
	mark := "trees-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatUint(rand.Uint64(), 36)
	defer clear(ofRun(mark))
	clearOnSignal(mark)
	var faults []error
	held, err := containments(out, o.only)
	if err != nil {
		return err
	}
	if !o.random {
		faults = append(faults, showFixtures(out, mark, held))
	}
	if !o.fixtures {
		for _, c := range held {
			faults = append(faults, showRandom(out, mark+"-"+string(c), c, o))
		}
	}
	return errors.Join(faults...)
}

// containments are those to show: all that this machine has, or one.
func containments(out io.Writer, only string) (held []engine.Containment, err error) {
	for _, c := range []engine.Containment{engine.ContainmentCgroup, engine.ContainmentReaper, engine.ContainmentGroup} {
		if only != "" && only != string(c) {
			continue
		}
		e, err := engine.New(engine.Config{Containment: c})
		if err != nil {
			fmt.Fprintf(out, "not shown: %v\n", err)
			continue
		}
		if err := e.Shutdown(context.Background()); err != nil {
			return nil, err
		}
		held = append(held, c)
	}
	if len(held) == 0 {
		return nil, fmt.Errorf("there is no containment %q here", only)
	}
	return held, nil
}

// clearOnSignal leaves nothing behind where a person has enough of it.
func clearOnSignal(mark string) {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		clear(ofRun(mark))
		os.Exit(130)
	}()
}
