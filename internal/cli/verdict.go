package cli

import (
	"cmp"
	"errors"
	"syscall"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// limits are the bounds that one run has, for messages about them.
type limits struct {
	timeout, idle time.Duration
	output        int64
	oversize      engine.Oversize
}

func limitsOf(r *engine.Request, config *engine.Config) limits {
	c := config.WithDefaults()
	return limits{
		timeout: cmp.Or(r.Timeout, c.DefaultTimeout), idle: r.IdleTimeout,
		output:   cmp.Or(r.Limits.OutputBytes, c.MaxOutputBytes),
		oversize: cmp.Or(r.Limits.Oversize, c.Oversize),
	}
}

// verdict is what the program ends with. What the command has said itself by its
// exit code is not said again.
func (s *session) verdict(r *engine.Result, l limits, err error) error {
	switch {
	case s.brokenBy != nil && errors.Is(s.brokenBy, syscall.EPIPE):
		return exitWith(exitSignal+int(syscall.SIGPIPE), nil)
	case s.brokenBy != nil:
		return exitWith(exitOurs, s.brokenBy)
	case s.by != nil && r.Status == engine.Cancelled:
		return exitWith(signalCode(s.by), err)
	}
	code := resultCode(r)
	why := l.explain(r)
	if s.quiet {
		why = nil
	}
	return exitWith(code, errors.Join(why, err))
}

// explain says why an ending is none of the command's own, nil where it is.
func (l limits) explain(r *engine.Result) error {
	switch r.Cause {
	case engine.CauseExit:
		return nil
	case engine.CauseTimeout:
		return fault("--timeout gives it longer; --timeout none does not limit it", "the command ran for longer than %s", l.timeout)
	case engine.CauseIdleTimeout:
		return fault("--idle-timeout gives it longer", "the command wrote nothing for %s", l.idle)
	case engine.CauseOutputLimit:
		return fault("--max-output allows more; --on-oversize truncate lets it go on", "the command wrote more than %d bytes to one stream", l.output)
	case engine.CauseSignal:
		hint := ""
		if r.Signal == "KILL" {
			hint = "nobody here sent it: was the machine out of memory?"
		}
		return fault(hint, "the command was ended by signal %s", r.Signal)
	case engine.CauseSpawn, engine.CauseCancel, engine.CauseShutdown, engine.CauseQueueTimeout, engine.CausePolicy:
	}
	return fault("", "%s", r.Error)
}

// warn tells what of an ending its exit code does not.
func (s *session) warn(r *engine.Result) {
	if r.OutputIncomplete {
		s.note("another process still had the output open; what it wrote later is missing (--wait-delay waits longer)")
	}
	if r.Forced && s.patience == nil {
		s.note("the command did not end when asked: KILL was needed")
	}
	for _, left := range r.Survivors {
		s.note("process %d (%s) could not be ended", left.Pid, left.Command)
	}
	if r.Output.Masks == 1 {
		s.note("1 secret was masked in the output (--redact values masks known values alone)")
	} else if r.Output.Masks > 1 {
		s.note("%d secrets were masked in the output (--redact values masks known values alone)", r.Output.Masks)
	}
	if r.LogError != "" {
		s.note("the copy of the output in %s is not whole: %s", r.LogPath, r.LogError)
	} else if r.LogPath != "" && r.Output.Truncated {
		s.note("the whole output is in %s", r.LogPath)
	}
}
