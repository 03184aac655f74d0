package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// finished is an execution that ended, as small as it can be kept: a thousand of
// them cost what one live one does.
type finished struct {
	id      ID
	journal *journal.Journal
	request kept
	digest  [16]byte
	rare    *rare // nil for most

	accepted, started, ended  int64 // nanoseconds since 1970; 0: never
	userTime, systemTime      time.Duration
	peakBytes                 int64
	voluntary, involuntary    int32
	readBlocks, writeBlocks   int32
	exitCode                  int32
	signal                    uint8
	status                    Status
	cause                     Cause
	containment               uint8 // which of containments; 0: none of them
	success, forced, pipeHeld bool
}

// rare is what most endings do not have.
type rare struct {
	odds
	plan       *PlanResult
	survivors  []Survivor
	hit        []string
	unenforced []string
	past       *Record // what the store has of it, where it ended in an engine before
}

type odds struct {
	err         string
	containment string // where it is none of ours
	swept       int
	logPath     string
	logError    string
	masks       int64
	sha256      [2]string     // by stream
	limit       time.Duration // the one that was reached, of a timeout
	canceller   Actor
}

// limitOf is the limit that a timeout reached. Callers hold the engine's mu.
func (x *execution) limitOf(c Cause) time.Duration {
	switch c {
	case CauseTimeout:
		return x.timeout
	case CauseIdleTimeout:
		return x.idleTimeout
	case CauseQueueTimeout:
		return x.queueTimeout
	default:
		return 0
	}
}

// conclude makes the record of an ending.
func conclude(x *execution, end Ending, by Actor) *finished {
	if x.plan != nil && end.plan == nil {
		end.plan = x.plan.never(end.Cause)
	}
	success := (end.Cause == CauseExit || end.Cause == CauseCommands) && x.isSuccess(end.ExitCode)
	f := &finished{
		id: x.id, journal: x.journal, digest: x.digest, request: x.shown.Load().request,
		accepted: nanos(x.accepted), started: nanos(end.Started), ended: nanos(end.Ended),
		userTime: end.Usage.UserTime, systemTime: end.Usage.SystemTime, peakBytes: end.Usage.PeakBytes,
		voluntary: int32(end.Usage.Voluntary), involuntary: int32(end.Usage.Involuntary),
		readBlocks: int32(end.Usage.ReadBlocks), writeBlocks: int32(end.Usage.WriteBlocks),
		exitCode: int32(end.ExitCode), signal: uint8(end.Signal),
		status: end.Cause.status(success), cause: end.Cause, success: success,
		forced: end.Forced, pipeHeld: end.OutputIncomplete,
	}
	if end.Ended.IsZero() {
		f.ended = time.Now().UnixNano()
	}
	f.ended = max(f.ended, f.started) // the clock may have been set back, by who wrote one of them or who runs
	mask := x.secrets.String
	by.Name = mask(by.Name)
	unenforced := x.unenforced
	if x.elsewhere { // who started it knows
		unenforced = end.Unenforced
	}
	o := odds{
		err: mask(end.Error), containment: end.Containment, swept: end.Swept,
		logPath: cmp.Or(x.logPath, end.LogPath), logError: mask(end.LogError), masks: end.Masks, sha256: end.SHA256,
		limit: x.limitOf(end.Cause), canceller: by,
	}
	if f.containment = containmentIndex(end.Containment); f.containment != 0 {
		o.containment = "" // the rule
	}
	if o != (odds{}) || end.Survivors != nil || end.LimitsHit != nil || unenforced != nil || end.plan != nil {
		f.rare = &rare{odds: o, plan: end.plan, survivors: masked(end.Survivors, mask), hit: end.LimitsHit, unenforced: unenforced}
	}
	return f
}

// masked are survivors by names without secrets.
func masked(survivors []Survivor, mask func(string) string) []Survivor {
	list := slices.Clone(survivors)
	for i := range list {
		list[i].Command = mask(list[i].Command)
	}
	return list
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOf(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}

func (f *finished) duration() time.Duration {
	if f.started == 0 {
		return 0
	}
	return max(time.Duration(f.ended-f.started), 0)
}

func (f *finished) summary() Execution {
	if f.rare != nil && f.rare.past != nil {
		return f.rare.past.Execution
	}
	r := f.request.request()
	return Execution{
		ID: f.id, Status: f.status, Type: string(r.Command.Type()), Command: r.Command.String(),
		Actor: r.Actor, Metadata: r.Metadata,
		AcceptedAt: timeOf(f.accepted), StartedAt: timeOf(f.started), CompletedAt: timeOf(f.ended),
		Duration: f.duration(), ExitCode: int(f.exitCode), Cursor: Cursor(f.journal.End()),
	}
}

// result is how it ended, output included.
func (f *finished) result() Result {
	r := f.ending()
	if f.journal != nil {
		parts := f.journal.Parts() // counts and texts at once
		r.Output.count(&parts[Stdout].Totals, &parts[Stderr].Totals)
		r.Stdout, r.Stderr = keptText(&parts[Stdout], Stdout), keptText(&parts[Stderr], Stderr)
	}
	return r
}

// ending is how it ended, without its output.
func (f *finished) ending() Result {
	if f.rare != nil && f.rare.past != nil {
		return *f.rare.past.Result
	}
	r := Result{
		ID: f.id, Status: f.status, Success: f.success, Cause: f.cause, ExitCode: int(f.exitCode),
		AcceptedAt: timeOf(f.accepted), StartedAt: timeOf(f.started), CompletedAt: timeOf(f.ended),
		Duration: f.duration(), Forced: f.forced, OutputIncomplete: f.pipeHeld,
		Usage: Usage{
			UserTime: f.userTime, SystemTime: f.systemTime, PeakBytes: f.peakBytes,
			Voluntary: int64(f.voluntary), Involuntary: int64(f.involuntary),
			ReadBlocks: int64(f.readBlocks), WriteBlocks: int64(f.writeBlocks),
		},
		Containment: string(containments()[f.containment]), Cursor: Cursor(f.journal.End()),
	}
	stdout, stderr := f.journal.Totals(Stdout), f.journal.Totals(Stderr)
	r.Output.count(&stdout, &stderr)
	r.Queued = r.CompletedAt.Sub(r.AcceptedAt)
	if f.started != 0 {
		r.Queued = max(r.StartedAt.Sub(r.AcceptedAt), 0) // another program's clock may have been another
	}
	if f.signal != 0 {
		r.Signal = process.SignalName(syscall.Signal(f.signal))
	}
	if q := f.rare; q != nil {
		r.Error, r.Survivors, r.LogPath, r.LogError = q.err, q.survivors, q.logPath, q.logError
		if q.containment != "" {
			r.Containment = q.containment
		}
		r.Swept, r.LimitsHit, r.Unenforced = q.swept, q.hit, q.unenforced
		r.Output.Masks, r.CancelledBy = q.masks, q.canceller
		r.Plan = q.plan
		r.Output.StdoutSHA256, r.Output.StderrSHA256 = q.sha256[Stdout], q.sha256[Stderr]
	}
	if r.Error == "" && !r.Success {
		r.Error = explain(&r)
	}
	return r
}

// explain says in words why a result is not a success.
func explain(r *Result) string {
	switch r.Cause {
	case CauseExit:
		return fmt.Sprintf("exit code %d", r.ExitCode)
	case CauseSignal:
		return "killed by signal " + r.Signal
	case CauseCancel:
		return "cancelled"
	case CauseShutdown:
		return "cancelled: the engine was shut down"
	case CauseTimeout:
		return "timeout: it ran too long"
	case CauseIdleTimeout:
		return "timeout: it wrote nothing for too long"
	case CauseQueueTimeout:
		return "timeout: it waited in the queue for too long"
	case CauseOutputLimit:
		return "it wrote more output than its limit"
	case CauseMemoryLimit:
		return "it needed more memory than its limit"
	case CauseProcessLimit:
		return "it needed more processes than its limit"
	case CauseCommands:
		return "commands of it failed"
	case CauseSpawn:
		return "it could not be started"
	case CausePolicy:
		return "denied by policy"
	case CauseLost:
	}
	return "how it ended is not known"
}

func (c *Counts) count(o, e *journal.Totals) {
	c.StdoutBytes, c.StdoutLines, c.StdoutOmittedBytes, c.StdoutOmittedLines = o.Bytes, o.Lines, o.Omitted, o.OmittedLines
	c.StderrBytes, c.StderrLines, c.StderrOmittedBytes, c.StderrOmittedLines = e.Bytes, e.Lines, e.Omitted, e.OmittedLines
	c.Truncated = o.Omitted+e.Omitted > 0
}

// keptText is what is kept of a stream; between the head and the tail a line says
// what is missing.
func keptText(t *journal.Part, s Stream) string {
	head, tail := t.Head, t.Tail
	if t.Omitted == 0 {
		return string(head)
	}
	var b strings.Builder
	b.Grow(len(head) + len(tail) + 80)
	b.Write(head)
	if len(head) > 0 && head[len(head)-1] != '\n' {
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "[... %d bytes, %d lines of %s left out ...]\n", t.Omitted, t.OmittedLines, s)
	b.Write(tail)
	return b.String()
}
