package cli

import (
	"context"
	"errors"
	"io"
	"os"

	engine "github.com/escher-dbai/cloudops-engine"
)

// What tests look at from outside.
var (
	ParseDuration = parseDuration
	ParseTimeout  = parseTimeout
	ParseSize     = parseSize
	Nearest       = nearest
	HintOf        = hintOf
	ReadEnvFile   = readEnvFile
	ReadConfig    = readConfig
	ExitCode      = exitCode
	ExitWith      = exitWith
	ResultCode    = resultCode
	SignalCode    = signalCode
	Report        = report
	Advise        = advise
	VersionIn     = versionIn
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
