package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// What tests look at from outside.
var (
	ParseDuration = parseDuration
	ParseTimeout  = parseTimeout
	ParseSize     = parseSize
	Nearest       = nearest
	ReadEnvFile   = readEnvFile
	ExitCode      = exitCode
	ExitWith      = exitWith
	ResultCode    = resultCode
	SignalCode    = signalCode
	Report        = report
	VersionIn     = versionIn
	PipeOf        = pipeOf
	AgainOf       = againOf
)

// ReadConfig reads a file's text, and returns what it says of the engine and of a daemon.
func ReadConfig(path string, data []byte) (engine.Config, daemon.Settings, error) {
	var c config
	err := readConfig(path, data, &c)
	return c.engine, c.daemon, err
}

// ReadPlan reads a plan's text, and returns all that is wrong with it.
func ReadPlan(text string, vars map[string]string) (engine.Plan, error) {
	p, _, err := readPlan("-", strings.NewReader(text), vars)
	return p, err
}

// PlanFrame is what is drawn of a plan on a terminal of a size, after some events.
func PlanFrame(size [2]int, started, now time.Time, events ...*engine.Event) []string {
	b := newPlanBoard()
	for _, e := range events {
		b.take(e)
	}
	return b.frame(size[0], size[1], now, started, style{})
}

// PlanStays are the lines that stay on a terminal of a plan of which these were the events.
func PlanStays(events ...*engine.Event) (lines []string) {
	v := newTTYPlan(io.Discard, func() (width, height int) { return 80, 24 }, style{})
	for _, e := range events {
		if line := v.stays(e); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// StateDir is an opened state directory.
type StateDir = stateDir

// MainOn is Main over a state directory that is open, and stays so.
func MainOn(d StateDir, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	open := func(context.Context, opening) (stateDir, error) { return d, nil }
	return run(&program{stdin: stdin, stdout: stdout, stderr: stderr, open: open}, args)
}

// Table is what a list of executions shows on a terminal of a width, 0 for none.
func Table(all []engine.Execution, now time.Time, width int) []string {
	l := &listing{program: &program{stdout: io.Discard}, ended: true}
	return l.table(all, now, width).lines()
}

// Frame is what top shows on a terminal of a size.
func Frame(all []engine.Execution, last []string, selected int, size [2]int, now time.Time) []string {
	s := &screen{program: &program{}}
	for i := range all {
		s.rows = append(s.rows, topRow{Execution: all[i], last: last[i]})
	}
	s.choose(selected)
	return s.frame(size[0], size[1], now)
}

// What people read.
var (
	Brief     = brief
	Age       = age
	Cut       = cut
	Columns   = columns
	OneLine   = oneLine
	FirstKey  = firstKey
	ParseWhen = parseWhen
	SizeText  = sizeText
)

// Style is how words are coloured.
type Style = style

// VerdictOfBoth is what the program ends with where a command succeeds and its
// output is found to be unwritable at the same moment.
func VerdictOfBoth(err error) error {
	s := &session{out: newOutlet(io.Discard, io.Discard), quiet: true}
	s.out.failed(engine.Stdout, err)
	done := make(chan ending, 1)
	done <- ending{result: engine.Result{Status: engine.Completed, Cause: engine.CauseExit}}
	s.engine, _ = engine.New(engine.Config{})
	end := s.until(context.Background(), done)
	return errors.Join(s.verdict(&end.result, limits{}, end.err), s.engine.Shutdown(context.Background()))
}

// OnTerminal runs f as the parts of a session run while the terminal is handed over.
func OnTerminal(in *os.File, f func(context.Context)) error {
	t := &terminal{in: in, changes: make(chan os.Signal, 1)}
	if err := t.begin(); err != nil {
		return err
	}
	t.guarded(f)(context.Background())
	t.restore()
	return nil
}
