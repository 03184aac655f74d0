package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// prepareNew is prepare for what was not accepted before, a plan or anything else.
func (e *Engine) prepareNew(ctx context.Context, asked *Request) (*execution, error) {
	if _, ok := asked.Command.(Plan); ok {
		return e.preparePlan(ctx, asked, true)
	}
	return e.prepare(asked)
}

// prepare makes an execution of a request, all of which it checks. What is asked it copies.
func (e *Engine) prepare(asked *Request) (*execution, error) {
	x, toolEnv, err := e.check(asked)
	if err == nil {
		e.equip(x, toolEnv)
	}
	return x, err
}

// check checks all of a request that can be known before the start, fills in
// the defaults and resolves what will run. It reports every fault at once. The
// execution is not equipped yet; toolEnv are the variables of its tool.
func (e *Engine) check(asked *Request) (x *execution, toolEnv []string, err error) {
	if asked.Command == nil {
		return nil, nil, Advise(fault(ErrInvalidCommand, "there is no command"), "give the request a command, such as engine.Shell(%q)", "echo hello")
	}
	x = &execution{launch: e.launches.of(asked)}
	r := x.launch.Request
	own(r)
	x.success = r.SuccessCodes
	inv, err := r.Command.invocation(r.WorkingDir)
	if err != nil {
		return nil, nil, err
	}
	if r.Terminal != nil {
		inv = inv.onTerminal()
	}
	stop, stopErr := stopSignal(r.StopSignal, inv.stopSignal)
	if err := errors.Join(
		stopErr, checkWorkingDir(r.WorkingDir), e.checkDurations(r), checkEnv(r), r.Trace.Validate(),
		checkLimits(r), checkTerminal(r), checkActor(r.Actor), checkLog(r.OutputLogPath, r.OutputLogMode),
		checkLock(r.Lock),
	); err != nil {
		return nil, nil, err
	}
	if r.ID == (ID{}) {
		if r.ID, err = newID(); err != nil {
			return nil, nil, err
		}
	}
	x.id = r.ID
	e.fill(x, &inv)
	l := x.launch
	if l.unenforced, err = e.unenforced(&r.Limits); err != nil {
		return nil, nil, err
	}
	x.unenforced = l.unenforced
	l.ID, l.Argv, l.Dir, l.StopSignal, l.script = x.id, inv.argv, r.WorkingDir, stop, inv.script
	if err := e.programs.resolve(l, &inv); err != nil {
		return nil, nil, err
	}
	if err := checkArguments(l.Argv); err != nil {
		return nil, nil, err
	}
	if runtime.GOOS == "windows" {
		if err := checkBatch(l.Path, l.Argv); err != nil {
			return nil, nil, err
		}
	}
	return x, inv.env, nil
}

// launches are those that are not needed any more: one, with its request, is most of
// what a start would leave for the collector.
type launches struct{ free sync.Pool }

// of returns a launch for a copy of the request.
func (p *launches) of(r *Request) *Launch {
	l, _ := p.free.Get().(*Launch)
	if l == nil {
		l = &Launch{Request: new(Request)}
	}
	*l.Request = *r
	return l
}

// take takes a launch back that nobody else has.
func (p *launches) take(l *Launch) {
	r := l.Request
	*r, *l = Request{}, Launch{Request: r} // nothing that was asked is to stay
	p.free.Put(l)
}

// own makes the maps and lists copies of the caller's, who may go on to change
// them. Stdin is left: it can be large.
func own(r *Request) {
	if r.Terminal != nil {
		size := r.Terminal.withDefaults()
		r.Terminal = &size
	}
	r.Env, r.Metadata.Tags = maps.Clone(r.Env), maps.Clone(r.Metadata.Tags)
	r.InheritEnv = slices.Clone(r.InheritEnv)
	r.UnsetEnv, r.Secrets, r.SuccessCodes = slices.Clone(r.UnsetEnv), slices.Clone(r.Secrets), slices.Clone(r.SuccessCodes)
}

// maskLabels keeps secrets out of what is shown with every execution. It reports
// whether there were any.
func maskLabels(r *Request, mask func(string) string) (found bool) {
	for _, label := range []*string{&r.Actor.Name, &r.Actor.OnBehalfOf, &r.Metadata.Source} {
		masked := mask(*label)
		found = found || masked != *label
		*label = masked
	}
	for name, value := range r.Metadata.Tags {
		if masked := mask(value); masked != value {
			r.Metadata.Tags[name], found = masked, true
		}
	}
	return found
}

// equip gives the execution its environment, its masks and its journal.
func (e *Engine) equip(x *execution, toolEnv []string) {
	l := x.launch
	r := l.Request
	env, masks := e.inherit.environment(r, toolEnv)
	l.Env, l.secrets = env, redact.NewSecrets(masks)
	x.secrets = l.secrets
	l.mark = mark(x.id)
	if e.local == nil { // ours takes the mark apart, so that executions share the rest
		l.Env = append(slices.Clip(l.Env), l.mark)
	}
	l.Mask = l.secrets.String
	maskLabels(r, l.Mask)
	request, line, err := keep(r, l.Mask)
	if err != nil {
		e.logUnkept(x.id, err)
	}
	x.shown.Store(&shown{request, line})
	l.logPath = e.logPath(r, l.Oversize)
	x.logPath = l.logPath
	bounds := &e.bounds
	if r.Limits.OutputBytes != 0 || r.Limits.Oversize != "" {
		bounds = e.boundsOf(l.KeepBytes, l.Oversize)
	}
	x.journal = journal.New(bounds)
	l.Journal = x.journal
	l.Started = func() { e.began(x) }
	l.Phase = func(kind EventKind) { noteStop(x.journal, kind) }
	l.Ended = func(end Ending) { e.finish(x, end) }
	if e.finder != nil {
		l.Masked = func(values []string) { e.masked(x, values) }
	}
}

// fill puts into the launch what the request or the defaults say.
func (e *Engine) fill(x *execution, inv *invocation) {
	l := x.launch
	r := l.Request
	l.Timeout = cmp.Or(r.Timeout, e.config.DefaultTimeout)
	l.IdleTimeout = r.IdleTimeout
	l.Grace = cmp.Or(r.Grace, inv.grace, e.config.Grace)
	l.WaitDelay = cmp.Or(r.WaitDelay, e.config.WaitDelay)
	l.KillMode = cmp.Or(r.KillMode, inv.killMode, KillGroup)
	l.KeepBytes = cmp.Or(r.Limits.OutputBytes, e.config.MaxOutputBytes)
	l.Oversize = cmp.Or(r.Limits.Oversize, e.config.Oversize)
	x.timeout, x.idleTimeout = l.Timeout, l.IdleTimeout
	x.queueTimeout = cmp.Or(r.QueueTimeout, e.config.QueueTimeout)
	x.lock = r.Lock
	if typed(r) {
		x.attached = make(chan struct{})
	}
	if r.Terminal != nil {
		size := *r.Terminal
		x.size, x.terminal, l.Terminal = size, true, &size
	}
}

// unenforced returns the limits that this machine cannot enforce: an error, unless
// best effort will do. Another Runner sees to them itself.
func (e *Engine) unenforced(l *Limits) (without []string, err error) {
	asked := l.ofProcess()
	if len(asked.Asked()) == 0 {
		return nil, nil
	}
	here := e.here()
	if here == nil {
		return nil, nil
	}
	var faults []error
	for _, r := range asked.Asked() {
		way := here.enforcement(r, &asked)
		if way.Why == nil {
			continue
		}
		without = append(without, string(r))
		faults = append(faults, Advise(fault(ErrUnsupported, "limits.%s cannot be enforced here: %v", r, way.Why),
			"set limits.best_effort to run without it, or give the engine a cgroup of its own; cloudops doctor shows what is there"))
	}
	if l.BestEffort {
		return without, nil
	}
	return nil, errors.Join(faults...)
}

// logPath is the file that gets a copy of the output, "" for none.
func (e *Engine) logPath(r *Request, o Oversize) string {
	switch {
	case r.OutputLogPath != "":
		return r.OutputLogPath
	case e.config.LogDir != "":
		return filepath.Join(e.config.LogDir, r.ID.String()+".log")
	case o == StreamToFile:
		return filepath.Join(os.TempDir(), "cloudops-executions", r.ID.String()+".log")
	}
	return ""
}

// maskError keeps the secrets of a request out of an error about it.
func (e *Engine) maskError(r *Request, err error) error {
	secrets := e.masksOf(r)
	if masked := secrets.String(err.Error()); masked != err.Error() {
		return &maskedError{error: err, text: masked}
	}
	return err
}

// masksOf finds the secrets of a request.
func (e *Engine) masksOf(r *Request) *redact.Set {
	if _, ok := r.Command.(Plan); ok {
		r = &Request{Secrets: planSecrets(r)}
	}
	_, masks := e.inherit.environment(r, nil)
	return masks
}

// maskedError is an error whose text must not be shown.
type maskedError struct {
	error
	text string
}

func (m *maskedError) Error() string { return m.text }
func (m *maskedError) Unwrap() error { return m.error }

var _ fmt.Formatter = (*maskedError)(nil)

// Format keeps %+v and the like from reaching the original.
func (m *maskedError) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(m.text)) }
