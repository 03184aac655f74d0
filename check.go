package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

func checkWorkingDir(dir string) error {
	if dir == "" {
		return nil
	}
	if !filepath.IsAbs(dir) {
		return Advise(fault(ErrWorkingDir, "%s is relative", clip(dir, 256)), "give an absolute path")
	}
	return checkDir(dir)
}

func checkDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return fault(ErrWorkingDir, "%s: %v", clip(dir, 256), reason(err))
	case !info.IsDir():
		return fault(ErrWorkingDir, "%s is not a directory", clip(dir, 256))
	}
	return nil
}

// reason is the part of an error that does not repeat the path.
func reason(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

func (e *Engine) checkDurations(r *Request) error {
	var faults []error
	if min(r.Timeout, r.IdleTimeout, r.QueueTimeout, r.Grace, r.WaitDelay) < 0 {
		for _, d := range durations(r, &requestJSON{}) {
			if *d.d < 0 {
				faults = append(faults, fault(ErrInvalid, "%s is %d: must be above 0", d.name, d.d.Milliseconds()))
			}
		}
	}
	if r.Timeout > e.config.MaxTimeout {
		faults = append(faults, Advise(fault(ErrTimeoutTooLarge, "timeout_ms is %d, the maximum is %d",
			r.Timeout.Milliseconds(), e.config.MaxTimeout.Milliseconds()), "ask for less, or raise max_timeout_ms"))
	}
	if r.Grace > MaxGrace {
		faults = append(faults, fault(ErrInvalid, "grace_ms is %d: must be at most %d", r.Grace.Milliseconds(), MaxGrace.Milliseconds()))
	}
	if r.WaitDelay > MaxGrace {
		faults = append(faults, fault(ErrInvalid, "wait_delay_ms is %d: must be at most %d", r.WaitDelay.Milliseconds(), MaxGrace.Milliseconds()))
	}
	return errors.Join(faults...)
}

// leastCPUs is the kernel's: one millisecond in a tenth of a second.
const leastCPUs = 0.01

// maxCPUs is more than any machine has.
const maxCPUs = 1 << 16

func checkLimits(r *Request) error {
	var faults []error
	if r.Limits != (Limits{}) {
		for _, l := range wholeLimits(&r.Limits, &limitsJSON{}) {
			if *l.n != 0 && *l.n < l.least {
				faults = append(faults, fault(ErrInvalid, "limits.%s is %d: must be at least %d", l.name, *l.n, l.least))
			}
		}
	}
	if n := r.Limits.CPUs; n != 0 && !(n >= leastCPUs && n <= maxCPUs) {
		faults = append(faults, fault(ErrInvalid, "limits.cpus is %g: must be from %g to %d", n, leastCPUs, maxCPUs))
	}
	if o := r.Limits.Oversize; o != "" && !o.valid() {
		faults = append(faults, fault(ErrInvalid, "limits.oversized_output_strategy is %q: must be %s", clip(string(o), 40), oversizeNames))
	}
	if r.NoNewPrivileges && runtime.GOOS != "linux" {
		faults = append(faults, fault(ErrUnsupported, "no_new_privileges: there is no such thing on %s", runtime.GOOS))
	}
	if m := r.KillMode; m != "" && m != KillGroup && m != KillLeader {
		faults = append(faults, fault(ErrInvalid, "kill_mode is %q: must be %s or %s", clip(string(m), 40), KillGroup, KillLeader))
	}
	if l := r.Leftovers; l != "" && l != EndLeftovers && l != LeaveLeftovers {
		faults = append(faults, fault(ErrInvalid, "leftovers is %q: must be %s or %s", clip(string(l), 40), EndLeftovers, LeaveLeftovers))
	}
	if r.Redact != RedactDefault && r.Redact != RedactValues {
		faults = append(faults, fault(ErrInvalid, "redact is %q: must be %q or absent", clip(string(r.Redact), 40), RedactValues))
	}
	for _, c := range r.SuccessCodes {
		if c < 0 || c > 255 {
			faults = append(faults, fault(ErrInvalid, "success_codes has %d: must be 0 to 255", c))
		}
	}
	if len(r.Stdin) > 0 && r.StdinFrom != nil {
		faults = append(faults, fault(ErrInvalid, "Stdin and StdinFrom are both given: give one"))
	}
	return errors.Join(faults...)
}

func checkActor(a Actor) error {
	known := func(k ActorKind) bool {
		return slices.Contains([]ActorKind{"", Human, Agent, Schedule, Service, User, TokenHolder}, k)
	}
	const are = "must be human, agent, schedule or service"
	if !known(a.Kind) {
		return fault(ErrInvalid, "actor.kind is %q: "+are, clip(string(a.Kind), 40))
	}
	if kind, _, _ := strings.Cut(a.OnBehalfOf, ":"); !known(ActorKind(kind)) {
		return fault(ErrInvalid, "actor.on_behalf_of is %q: its kind "+are, clip(a.OnBehalfOf, 80))
	}
	return nil
}

func checkLog(path string, mode LogMode) error {
	switch mode {
	case LogNew, LogAppend, LogOverwrite:
	default:
		return Advise(fault(ErrInvalid, "output_log_mode %q is not known", clip(string(mode), 64)), "it is append or overwrite, or left out")
	}
	if path == "" {
		if mode != LogNew {
			return Advise(fault(ErrInvalid, "output_log_mode %s has no file", mode), "name it in output_log_path")
		}
		return nil
	}
	if !filepath.IsAbs(path) {
		return Advise(fault(ErrInvalid, "output_log_path %s is relative", clip(path, 256)), "give an absolute path")
	}
	switch info, err := os.Lstat(path); {
	case err == nil && mode == LogNew:
		return Advise(fault(ErrInvalid, "output_log_path %s is there already", path),
			"name a file that is not there, or say in output_log_mode to append or overwrite")
	case err == nil:
		return checkOldLog(path, info)
	case !errors.Is(err, fs.ErrNotExist):
		return fault(ErrInvalid, "output_log_path %s: %v", path, reason(err))
	}
	if err := checkDir(filepath.Dir(path)); err != nil {
		return fault(ErrInvalid, "output_log_path: %v", err)
	}
	return nil
}

// checkOldLog checks a file that is to be written on.
func checkOldLog(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return Advise(fault(ErrInvalid, "output_log_path %s is no plain file", path), "a directory, a link or a device is not written to")
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fault(ErrInvalid, "output_log_path %s: %v", path, reason(err))
	}
	return f.Close()
}

// maxArgumentBytes is the longest single argument of Linux (MAX_ARG_STRLEN), its
// NUL included.
const maxArgumentBytes = 128 << 10

func checkArguments(argv []string) error {
	for i, a := range argv {
		if len(a) >= maxArgumentBytes {
			return Advise(fault(ErrInvalidCommand, "argument %d has %d bytes: the system takes %d (argument list too long)",
				i, len(a), maxArgumentBytes-1), "pass it by stdin or in a file")
		}
	}
	return nil
}

// stopSignal reads the signal of a request, or of its tool.
func stopSignal(asked, tool string) (syscall.Signal, error) {
	name := asked
	if name == "" {
		name = tool
	}
	if name == "" {
		return syscall.SIGTERM, nil
	}
	sig, ok := process.StopSignal(name)
	if !ok {
		return 0, fault(ErrInvalid, "stop_signal is %q: must be %s", clip(name, 40), strings.Join(process.StopSignals(), ", "))
	}
	return sig, nil
}

// checkBatch refuses what cannot be handed to a batch file of Windows as it is:
// cmd.exe would run parts of it. The path of an inline script is not known yet.
func checkBatch(path string, argv []string) error {
	if !process.IsBatch(path) {
		return nil
	}
	args := make([]string, 0, len(argv))
	for _, a := range argv[1:] {
		args = append(args, strings.ReplaceAll(a, scriptPlaceholder, "script"))
	}
	if _, err := process.BatchLine(path, args); err != nil {
		return Advise(fault(ErrInvalidCommand, "%v", err),
			"hand it over by stdin, in a file or in a variable, or run the program that the batch file runs")
	}
	return nil
}
