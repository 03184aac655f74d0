package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/process"
	"github.com/escher-dbai/cloudops-engine/internal/run"
)

// localRunner runs executions as processes of this program.
type localRunner struct{ runs *run.Runner }

func newLocalRunner(c Containment) (*localRunner, error) {
	runs, err := run.NewRunner(process.Options{Containment: process.Containment(c)})
	if errors.Is(err, process.ErrNoContainment) {
		hint := "leave it out for the best that this machine has; cloudops doctor shows it"
		if errors.Is(err, process.ErrNoHook) {
			hint = "call engine.ReaperMain at the top of main"
		}
		return nil, Advise(fault(ErrUnsupported, "containment %s: %v", c, err), "%s", hint)
	}
	if err != nil {
		return nil, fmt.Errorf("open the process table: %w", err)
	}
	return &localRunner{runs: runs}, nil
}

// enforcement is how this machine limits a resource as asked.
func (l *localRunner) enforcement(r process.Resource, limits *process.Limits) process.Enforcement {
	if most := process.MaxOpenFiles(); r == process.OpenFiles && limits.OpenFiles > most {
		return process.Enforcement{Resource: r, Why: fmt.Errorf("this program may have %d itself", most)}
	}
	for _, e := range l.runs.Enforcements() {
		if e.Resource == r {
			return e
		}
	}
	return process.Enforcement{Resource: r, Why: errors.ErrUnsupported}
}

// ofProcess are the limits that the system enforces.
func (l *Limits) ofProcess() process.Limits {
	return process.Limits{
		MemoryBytes: l.MemoryBytes, CPUs: l.CPUs, Processes: l.Processes, OpenFiles: l.OpenFiles, BestEffort: l.BestEffort,
	}
}

func (l *localRunner) forkLimit() int { return process.ForkLimit() }
func (l *localRunner) close() error   { return l.runs.Close() }

// Start starts a process.
func (l *localRunner) Start(_ context.Context, launch *Launch) (Control, error) {
	files, err := openFiles(launch)
	if err != nil {
		return nil, startError(err)
	}
	spec := specOf(launch, files)
	ended := launch.Ended // no more than this: the rest is for the start
	r, err := l.runs.Start(&spec, func(end run.Ending) {
		files.close()
		ended(endingOf(&end))
	})
	if err != nil {
		files.discard()
		return nil, startError(fmt.Errorf("start %s: %w", launch.Path, err))
	}
	return localControl{r}, nil
}

// startError tells what passes by itself from what does not.
func startError(err error) error {
	if errors.Is(process.Busy(err), process.ErrBusy) {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}

// specOf is a launch in the plain types of internal/run.
func specOf(l *Launch, files *files) run.Spec {
	phase := l.Phase // not of the launch, which the run need not hold
	spec := run.Spec{
		Process: process.Spec{
			Path: l.Path, Args: files.arguments(l), Env: l.Env, Dir: l.Dir, Stdin: stdinOf(l.Request),
			Blocking: l.Request.Tee != nil, Mark: l.mark,
			Interactive: typed(l.Request), Terminal: (*process.Size)(l.Terminal),
			Started: l.Started,
			Limits:  l.Request.Limits.ofProcess(), NoNewPrivileges: l.Request.NoNewPrivileges,
		},
		Terms: run.Terms{
			Journal: l.Journal, Secrets: l.secrets,
			Timeout: l.Timeout, IdleTimeout: l.IdleTimeout, Grace: l.Grace, WaitDelay: l.WaitDelay,
			StopSignal: l.StopSignal, StopLeader: l.KillMode == KillLeader,
			Leave: l.Request.Leftovers == LeaveLeftovers, Tee: l.Request.Tee, Digest: l.Request.Digest,
			Phase: func(p run.Phase) { phase(EventKind(p)) },
		},
	}
	if l.Timeout == Forever {
		spec.Timeout = 0
	}
	if l.Oversize == FailExecution {
		spec.MaxOutputBytes = l.KeepBytes
	}
	if files != nil && files.log != nil {
		spec.Log = files.log
	}
	return spec
}

func stdinOf(r *Request) io.Reader {
	if r.StdinFrom != nil {
		return r.StdinFrom
	}
	if len(r.Stdin) > 0 {
		return bytes.NewReader(r.Stdin)
	}
	return nil
}

func endingOf(end *run.Ending) Ending {
	out := Ending{
		Cause: Cause(end.Cause), ExitCode: end.State.Code, Signal: end.State.Signal,
		Started: end.Started, Ended: end.Started.Add(end.Ended.Sub(end.Started)), // however the clock was set meanwhile
		Forced: end.Forced, OutputIncomplete: end.PipeHeld, Masks: end.Masks, SHA256: end.SHA256,
		Containment: string(end.Containment), Swept: end.Swept,
		Usage: Usage{
			UserTime: end.State.Usage.UserTime, SystemTime: end.State.Usage.SystemTime,
			PeakBytes: end.State.Usage.PeakBytes,
			Voluntary: end.State.Usage.Voluntary, Involuntary: end.State.Usage.Involuntary,
			ReadBlocks: end.State.Usage.ReadBlocks, WriteBlocks: end.State.Usage.WriteBlocks,
		},
	}
	out.CancelledBy, _ = end.By.(Actor) // none: nobody stopped it
	if end.Hits.Memory {
		out.LimitsHit = append(out.LimitsHit, string(process.Memory))
	}
	if end.Hits.Processes {
		out.LimitsHit = append(out.LimitsHit, string(process.Processes))
	}
	for _, s := range end.Survivors {
		out.Survivors = append(out.Survivors, Survivor{Pid: s.Pid, Command: s.Command})
	}
	if end.LogError != nil {
		out.LogError = end.LogError.Error()
	}
	return out
}

// localControl is a run as the engine controls it.
type localControl struct{ run *run.Run }

// Stop asks it to end.
func (c localControl) Stop(cause Cause, by Actor) bool { return c.run.Stop(run.Cause(cause), by) }

// Kill ends it now.
func (c localControl) Kill(cause Cause, by Actor) bool { return c.run.Kill(run.Cause(cause), by) }

// Stdin is what writes to its stdin.
func (c localControl) Stdin() Stdin { return localStdin(c) }

// Resize changes the size of its terminal.
func (c localControl) Resize(size TerminalSize) error {
	err := c.run.Resize(process.Size(size))
	switch {
	case errors.Is(err, process.ErrNoTerminal):
		return fault(ErrNoTerminal, "it was started without")
	case errors.Is(err, os.ErrClosed):
		return fault(ErrFinished, "its terminal is closed")
	}
	return err
}

// Extend moves its deadline.
func (c localControl) Extend(timeout time.Duration) bool { return c.run.Extend(timeout) }

// localStdin is the stdin of a run.
type localStdin struct{ run *run.Run }

// Write writes to it.
func (s localStdin) Write(ctx context.Context, p []byte) (int, error) {
	n, err := s.run.Write(ctx, p)
	return n, stdinError(err)
}

// Close ends it.
func (s localStdin) Close(ctx context.Context) error { return stdinError(s.run.CloseStdin(ctx)) }

func stdinError(err error) error {
	if errors.Is(err, process.ErrNoStdin) {
		return fault(ErrNoStdin, "it is closed")
	}
	return err
}

// files are what a start opens and its end closes; nil where there are none, as for
// most.
type files struct {
	argv   []string // with the path of the script; nil without
	log    *os.File
	old    bool   // the log may have been there before
	script string // path of the private file of an inline script
}

func openFiles(l *Launch) (*files, error) {
	if l.logPath == "" && l.script == nil {
		return nil, nil
	}
	f := &files{}
	if l.logPath != "" {
		if err := os.MkdirAll(filepath.Dir(l.logPath), 0o700); err != nil {
			return nil, fmt.Errorf("make the directory of the output log: %w", err)
		}
		flag := logFlag(l.Request)
		log, err := os.OpenFile(l.logPath, os.O_WRONLY|os.O_CREATE|flag, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open the output log: %w", err)
		}
		f.log, f.old = log, flag != os.O_EXCL
	}
	if l.script != nil {
		if err := f.writeScript(l); err != nil {
			f.discard()
			return nil, fmt.Errorf("write the inline script: %w", err)
		}
	}
	return f, nil
}

// logFlag is how the log is opened. Whatever its mode, one that the engine names
// itself is new.
func logFlag(r *Request) int {
	switch {
	case r.OutputLogPath != "" && r.OutputLogMode == LogAppend:
		return os.O_APPEND
	case r.OutputLogPath != "" && r.OutputLogMode == LogOverwrite:
		return os.O_TRUNC
	}
	return os.O_EXCL
}

// writeScript puts an inline script into a file that only we can read, in a
// folder of its own so that it keeps its name.
func (f *files) writeScript(l *Launch) error {
	dir, err := os.MkdirTemp("", "cloudops-script-")
	if err != nil {
		return err
	}
	f.script = filepath.Join(dir, l.script.name)
	f.argv = make([]string, len(l.Argv))
	for i, a := range l.Argv {
		f.argv[i] = strings.ReplaceAll(a, scriptPlaceholder, f.script)
	}
	return os.WriteFile(f.script, []byte(l.script.content), 0o600)
}

// arguments are those that the process gets.
func (f *files) arguments(l *Launch) []string {
	if f == nil || f.argv == nil {
		return l.Argv
	}
	return f.argv
}

// close ends what an execution needed while it ran.
func (f *files) close() {
	if f == nil {
		return
	}
	if f.log != nil {
		_ = f.log.Close() // every write was checked
	}
	if f.script != "" {
		_ = os.RemoveAll(filepath.Dir(f.script))
	}
}

// discard undoes openFiles: the execution did not start.
func (f *files) discard() {
	f.close()
	if f != nil && f.log != nil && !f.old {
		_ = os.Remove(f.log.Name())
	}
}
