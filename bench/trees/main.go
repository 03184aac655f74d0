// Trees shows what ends a tree of processes and what does not. It runs on Linux.
//
//	go run ./trees          # the five fixtures, then 1,000 random trees
//	go run ./trees -short   # the five fixtures, then 100
//
// The first part gives five shapes of tree to the engine, to go-cmd/cmd and to
// os/exec, one after the other. The second has the engine cancel random trees at
// random moments; this program, started again, is each of their processes.
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
)

// options are the flags.
type options struct {
	trees    int
	together int
	seed     uint64
	short    bool
	fixtures bool
	random   bool
}

func main() {
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
	if !o.random {
		faults = append(faults, showFixtures(out, mark))
	}
	if !o.fixtures {
		faults = append(faults, showRandom(out, mark, o))
	}
	return errors.Join(faults...)
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
