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

	"github.com/escher-dbai/cloudops-engine/internal/process"
	"github.com/escher-dbai/cloudops-engine/internal/run"
)

// containmentGroup is how this package holds a tree together: its group, and on
// Linux the mark in its environment.
const containmentGroup = "group"

// localRunner runs executions as processes of this program.
type localRunner struct{ runs *run.Runner }

func newLocalRunner() (*localRunner, error) {
	runs, err := run.NewRunner()
	if err != nil {
		return nil, fmt.Errorf("open the process table: %w", err)
	}
	return &localRunner{runs: runs}, nil
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
	r, err := l.runs.Start(spec, func(end run.Ending) {
		files.close()
		launch.Ended(endingOf(launch, &end))
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
func specOf(l *Launch, files *files) *run.Spec {
	spec := &run.Spec{
		Process: process.Spec{
			Path: l.Path, Args: files.argv, Env: l.Env, Dir: l.Dir, Stdin: stdinOf(l.Request),
			Blocking: l.Request.Tee != nil, Mark: l.mark,
			Started: l.Started,
		},
		Journal: l.Journal, Secrets: l.secrets,
		Timeout: l.Timeout, IdleTimeout: l.IdleTimeout, Grace: l.Grace, WaitDelay: l.WaitDelay,
		StopSignal: l.StopSignal, Tee: l.Request.Tee,
		Phase: func(p run.Phase) { l.Phase(EventKind(p)) },
	}
	if l.Timeout == Forever {
		spec.Timeout = 0
	}
	if l.Oversize == FailExecution {
		spec.MaxOutputBytes = l.KeepBytes
	}
	if files.log != nil {
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

func endingOf(l *Launch, end *run.Ending) Ending {
	out := Ending{
		Cause: Cause(end.Cause), ExitCode: end.State.Code, Signal: end.State.Signal,
		Started: end.Started, Ended: end.Ended,
		Forced: end.Forced, OutputIncomplete: end.PipeHeld, Masks: end.Masks,
		Containment: containmentGroup,
		Usage: Usage{
			UserTime: end.State.Usage.UserTime, SystemTime: end.State.Usage.SystemTime,
			PeakBytes: end.State.Usage.PeakBytes,
			Voluntary: end.State.Usage.Voluntary, Involuntary: end.State.Usage.Involuntary,
			ReadBlocks: end.State.Usage.ReadBlocks, WriteBlocks: end.State.Usage.WriteBlocks,
		},
	}
	for _, s := range end.Survivors {
		out.Survivors = append(out.Survivors, Survivor{Pid: s.Pid, Command: l.Mask(s.Command)})
	}
	if end.LogError != nil {
		out.LogError = end.LogError.Error()
	}
	return out
}

// localControl is a run as the engine controls it.
type localControl struct{ run *run.Run }

// Stop asks it to end.
func (c localControl) Stop(cause Cause) bool { return c.run.Stop(run.Cause(cause)) }

// Kill ends it now.
func (c localControl) Kill(cause Cause) bool { return c.run.Kill(run.Cause(cause)) }

// files are what a start opens and its end closes.
type files struct {
	argv   []string
	log    *os.File
	old    bool   // the log may have been there before
	script string // path of the private file of an inline script
}

func openFiles(l *Launch) (*files, error) {
	f := &files{argv: l.Argv}
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

// close ends what an execution needed while it ran.
func (f *files) close() {
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
	if f.log != nil && !f.old {
		_ = os.Remove(f.log.Name())
	}
}
