// Bench measures the engine against os/exec with two drained pipes and against
// go-cmd/cmd, and prints ratios within one run: the same machine, the same
// minutes, turn by turn. It runs on Linux.
//
//	go run .            # all of it, some minutes; exit 1 when a gate is missed
//	go run . -short     # half a minute
//	go run . -json      # for programs
//
// Each variant runs in a process of its own, set up as it ships: the engine with
// the GOMAXPROCS that cloudops sets, the others with Go's default. "Engine" is the
// whole public path: a request checked, an id, a record, its events, one
// subscriber who reads them to the end. The child that the gates are about is a
// program without libc that exits at once, because the start-up of libc costs more
// than all that is compared here; /bin/true stands beside it.
//
// Where wall time and CPU time disagree, believe CPU: it is that of the variant's
// process and of its children, and hardly feels what else the machine does.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/escher-dbai/cloudops-engine/durable"
)

// options are the flags.
type options struct {
	rounds      int
	short       bool
	json        bool
	gate        bool
	worker      string
	study       string
	size        int
	talk        int
	onlyStudies bool
	onlyRounds  bool
	onlyOutput  bool
	onlyWire    bool
	daemon      string
	produce     string
}

func main() {
	durable.Main() // daemons of ours have supervisors
	var o options
	flag.IntVar(&o.rounds, "rounds", 0, "rounds of every variant (default 20, short 10)")
	flag.BoolVar(&o.short, "short", false, "smaller batches and fewer records")
	flag.BoolVar(&o.json, "json", false, "write JSON")
	flag.BoolVar(&o.gate, "gate", true, "exit 1 when a gate is missed")
	flag.BoolVar(&o.onlyRounds, "spawn", false, "only what starts commands turn by turn")
	flag.BoolVar(&o.onlyStudies, "records", false, "only records, cleanup, latency and live commands")
	flag.BoolVar(&o.onlyOutput, "output", false, "only what reads output, and nothing else has it")
	flag.BoolVar(&o.onlyWire, "wire", false, "only a daemon and its clients, and nothing else has it")
	flag.StringVar(&o.daemon, daemonFlag[1:], "", "be a daemon (used by this program)")
	flag.StringVar(&o.produce, producerFlag[1:], "", "be a producer (used by this program)")
	flag.StringVar(&o.worker, workerFlag[1:], "", "be the process of a variant (used by this program)")
	flag.StringVar(&o.study, studyFlag[1:], "", "be the process of a study (used by this program)")
	flag.IntVar(&o.size, "size", 0, "MB of output for the memory to stay flat over, with -output (default 2000); else the size of a study")
	flag.IntVar(&o.talk, talkFlag[1:], 0, "write so many lines that say when they were written (used by this program)")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// errMissed ends a run that found what it should not.
var errMissed = errors.New("a gate was missed")

func run(o options) error {
	switch {
	case o.produce != "":
		return produce(o.produce)
	case o.worker != "":
		return serve(o.worker, os.Stdin, os.Stdout)
	case o.study != "":
		return serveStudy(o.study, o.size, os.Stdout)
	case o.daemon != "":
		return beDaemon(o.daemon, os.Stdin, os.Stdout)
	case o.talk > 0:
		return talk(o.talk, os.Stdout)
	}
	r, err := measureAll(o)
	if err != nil {
		return err
	}
	write := r.write
	if o.json {
		write = r.writeJSON
	}
	if err := write(os.Stdout); err != nil {
		return err
	}
	if o.gate && r.missed() > 0 {
		return errMissed
	}
	return nil
}

// measureAll makes the report.
func measureAll(o options) (r report, err error) {
	r = report{Machine: thisMachine(), Rounds: o.rounds}
	if r.Rounds <= 0 {
		r.Rounds = 20
		if o.short {
			r.Rounds = 10
		}
	}
	if o.onlyOutput {
		return r, r.output(o)
	}
	if o.onlyWire {
		return r, r.studies(o.short, wireFigures)
	}
	if !o.onlyStudies {
		if err := r.spawn(o.short); err != nil {
			return r, err
		}
	}
	if o.onlyRounds {
		return r, nil
	}
	return r, r.studies(o.short, recordFigures, cleanupFigures, latencyFigures, liveFigures, limitFigures, planFigures)
}

// studies adds the figures of studies.
func (r *report) studies(short bool, parts ...func(short bool) ([]figure, error)) error {
	for _, part := range parts {
		figures, err := part(short)
		if err != nil {
			return err
		}
		r.Figures = append(r.Figures, figures...)
	}
	return nil
}

// spawn adds what starting commands costs.
func (r *report) spawn(short bool) error {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	child, err := writeTrue0(dir)
	if err != nil {
		return err
	}
	loads := loads(child, short)
	s, err := runRounds(r.Rounds, loads, progress(r.Rounds))
	if err != nil {
		return err
	}
	r.Figures = append(r.Figures, spawnFigures(s)...)
	r.Costs = s.costs(loads)
	return nil
}

// output adds what reading costs.
func (r *report) output(o options) error {
	loads := outputLoads(o.short)
	s, err := runRounds(r.Rounds, loads, progress(r.Rounds))
	if err != nil {
		return err
	}
	r.Figures = append(r.Figures, outputFigures(s)...)
	r.Costs = s.costs(loads)
	flat := func(bool) ([]figure, error) { return flatFigures(o.size) }
	return r.studies(o.short, fanOutFigures, audienceFigures, flat, redactionFigures, diskFigures)
}

// progress tells a person how far the rounds are.
func progress(rounds int) func(done int) {
	info, err := os.Stderr.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func(int) {}
	}
	return func(done int) {
		fmt.Fprintf(os.Stderr, "\rround %d of %d", done, rounds)
		if done == rounds {
			fmt.Fprint(os.Stderr, "\r\x1b[K")
		}
	}
}
