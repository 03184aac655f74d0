package cli

import (
	"cmp"
	"errors"
	"fmt"
	"syscall"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// limits are the bounds that one run has, for messages about them.
type limits struct {
	timeout, idle time.Duration
	output        int64
	oversize      engine.Oversize
	memory        int64
	processes     int64
}

func limitsOf(r *engine.Request, config *engine.Config) limits {
	c := config.WithDefaults()
	return limits{
		timeout: cmp.Or(r.Timeout, c.DefaultTimeout), idle: r.IdleTimeout,
		output:   cmp.Or(r.Limits.OutputBytes, c.MaxOutputBytes),
		oversize: cmp.Or(r.Limits.Oversize, c.Oversize),
		memory:   r.Limits.MemoryBytes, processes: r.Limits.Processes,
	}
}

// verdict is what the program ends with. What the command has said itself by its
// exit code is not said again.
func (s *session) verdict(r *engine.Result, l limits, err error) error {
	if ended := s.endedByUs(r, err); ended != nil {
		return ended
	}
	code := resultCode(r)
	why := l.explain(r)
	if s.quiet {
		why = nil
	}
	return exitWith(code, errors.Join(why, err))
}

// endedByUs is what the program ends with where a signal to us, or a reader of ours who
// left, ended what ran; nil where it did not.
func (s *session) endedByUs(r *engine.Result, err error) error {
	switch {
	case s.brokenBy != nil && errors.Is(s.brokenBy, syscall.EPIPE):
		return exitWith(exitSignal+int(syscall.SIGPIPE), nil)
	case s.brokenBy != nil:
		return exitWith(exitOurs, s.brokenBy)
	case s.by != nil && r.Status == engine.Cancelled:
		return exitWith(signalCode(s.by), err)
	}
	return nil
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
	case engine.CauseMemoryLimit:
		return fault("--memory allows more", "the command needed more than %d bytes of memory", l.memory)
	case engine.CauseProcessLimit:
		return fault("--processes allows more", "the command needed more than %d processes", l.processes)
	case engine.CauseSignal:
		hint := ""
		if r.Signal == "KILL" {
			hint = "nobody here sent it: was the machine out of memory?"
		}
		return fault(hint, "the command was ended by signal %s", r.Signal)
	case engine.CauseSpawn, engine.CauseCancel, engine.CauseShutdown, engine.CauseQueueTimeout, engine.CausePolicy, engine.CauseLost, engine.CauseCommands:
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
	if r.Swept > 0 && r.Cause == engine.CauseExit {
		s.note("ended %s the command (--leftovers leave lets them live)", counted(r.Swept, "process that outlived", "processes that outlived"))
	}
	for _, left := range r.Survivors {
		s.note("process %d (%s) lives on", left.Pid, left.Command)
	}
	for _, limit := range r.LimitsHit {
		if r.Cause != engine.CauseMemoryLimit && r.Cause != engine.CauseProcessLimit {
			s.note("it was up against its limit of %s", limit)
		}
	}
	for _, limit := range r.Unenforced {
		s.note("%s could not be limited here", limit)
	}
	if r.Output.Masks > 0 {
		s.note("%s masked in the output (--redact values masks known values alone)", counted(r.Output.Masks, "secret was", "secrets were"))
	}
	if r.LogError != "" {
		s.note("the copy of the output in %s is not whole: %s", r.LogPath, r.LogError)
	} else if r.LogPath != "" && r.Output.Truncated {
		s.note("the whole output is in %s", r.LogPath)
	}
}

// counted is a number with its noun.
func counted[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
