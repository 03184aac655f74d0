package engine

import (
	"io"
	"time"

	"github.com/google/uuid"
)

// ID names an execution. Those that the engine makes are UUIDs of version 7, so
// that they sort by time; a caller's may be of any version.
type ID = uuid.UUID

// ParseID reads an ID in any of the usual UUID forms. It returns [ErrInvalid].
func ParseID(text string) (ID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return ID{}, Advise(fault(ErrInvalid, "id %q is not a UUID", clip(text, 64)),
			"an id looks like 019a5c1e-7a4b-7c3d-9e2f-0123456789ab")
	}
	return id, nil
}

// Request asks for one execution. The zero value of every field but Command
// means the default.
//
// Its JSON has the original's names (id, command, env, working_dir, timeout_ms,
// output_log_path, metadata) and ours; durations are integers of milliseconds.
// In JSON absent or null means the default, and a duration of 0 is an error, as
// is a field that is not known.
type Request struct {
	// ID is the name of the execution and the key of idempotency: the same ID
	// with the same content is the same execution. The zero ID has one made.
	ID ID
	// Command is what to run. Required.
	Command Command

	// Env is set on top of the inherited environment and of what the command's
	// tool is given by default.
	Env map[string]string
	// UnsetEnv names variables that are not inherited.
	UnsetEnv []string
	// CleanEnv inherits nothing but PATH, HOME, USER, LOGNAME, SHELL, LANG, LC_*, TZ
	// and TMPDIR; on Windows SystemRoot, TEMP and TMP as well.
	CleanEnv bool
	// InheritEnv names what is inherited besides, and nothing else is: with it the
	// environment is a clean one. A name may end in *, for all that begin so.
	InheritEnv []string
	// WorkingDir is an absolute path. Empty: the working directory of the engine.
	WorkingDir string

	// Timeout is the longest the process may run. Defaults to
	// Config.DefaultTimeout; above Config.MaxTimeout is an error.
	Timeout time.Duration
	// IdleTimeout is the longest it may go without writing. Zero: no limit.
	IdleTimeout time.Duration
	// QueueTimeout is the longest it may wait for a slot. Defaults to
	// Config.QueueTimeout.
	QueueTimeout time.Duration
	// Grace is the time between the stop signal and KILL. Defaults to
	// what suits the tool (terraform: 60 s), else Config.Grace; at most MaxGrace.
	Grace time.Duration
	// WaitDelay is how long a process that has exited may leave its output pipe
	// open in another's hands. Defaults to Config.WaitDelay.
	WaitDelay time.Duration
	// StopSignal is what asks the process to end: TERM, INT, HUP, QUIT, USR1 or
	// USR2, with or without SIG. Defaults to what suits the tool, else TERM; on a
	// terminal HUP, as if its window was closed: a shell at work there ignores TERM.
	StopSignal string
	// KillMode says who gets the stop signal. Defaults to what suits the tool
	// (terragrunt: the leader), else to all of the process group.
	KillMode KillMode
	// Leftovers says what becomes of processes that outlive a command which ended
	// by itself. Defaults to ending them.
	Leftovers Leftovers
	// NoNewPrivileges keeps it from gaining rights by what it executes: sudo and the
	// like do not work in it. Linux only; elsewhere it is ErrUnsupported.
	NoNewPrivileges bool

	// Stdin is what the process reads. Without it and StdinFrom it reads the end
	// of the file at once.
	Stdin []byte
	// StdinFrom is read instead of Stdin. On Linux an *os.File is handed over as it
	// is. It is not part of the JSON nor of the content that makes a conflict.
	StdinFrom io.Reader

	// Interactive keeps stdin open: WriteStdin writes to it, until CloseStdin or the
	// end. It goes with neither Stdin nor StdinFrom.
	Interactive bool
	// Terminal, if not nil, gives it a terminal of this size as stdin, stdout, stderr
	// and controlling terminal, and TERM=xterm-256color unless Env says otherwise. All
	// that is written there, what is typed and shown included, is one stream: Stdout,
	// with lines that end in CR LF. It is interactive, too. On Windows it is an
	// ErrUnsupported.
	Terminal *TerminalSize

	// OutputLogPath is a file that gets a plain copy of both streams: absolute,
	// in a directory that is there, and not there itself unless OutputLogMode says
	// what to do then.
	OutputLogPath string
	// OutputLogMode says what to do with a file that is there already.
	OutputLogMode LogMode
	// Tee, if not nil, sees every byte that is recorded, whatever limits keep. It
	// may block and so slow the process. Not part of the JSON.
	Tee func(stream Stream, p []byte) `json:"-"`
	// Digest has the result tell the SHA-256 of each stream, of all that was recorded,
	// whatever limits keep. It costs what hashing does while the output is read.
	Digest bool

	// SuccessCodes are the exit codes that mean success. Defaults to 0 alone.
	SuccessCodes []int
	// Secrets are values that are masked wherever they appear. Those below six
	// bytes are not.
	Secrets []string
	// Redact says what else is masked.
	Redact Redact
	// Lock is a name that one execution of the engine has at a time: others that ask for it
	// wait for its end, in the order in which they came, before they wait for a slot. Such
	// as the directory of a terraform configuration. A command of a plan that has the lock
	// itself does not ask again. Empty: none.
	Lock string
	// Limits bound what the execution may use.
	Limits Limits

	// Actor is who asks.
	Actor Actor
	// Metadata is carried along for the caller.
	Metadata Metadata
	// Trace is where it belongs in a trace. It is kept, and not part of the content that
	// makes a conflict: who sends a request again does so in another span.
	Trace Trace
}

// Redact says what is masked besides the values of Request.Secrets and of
// environment variables whose names look secret.
type Redact string

// The ways to redact.
const (
	RedactDefault Redact = ""       // patterns of well-known credentials as well
	RedactValues  Redact = "values" // values alone, for output that another program reads
)

// KillMode says who gets the stop signal of an execution. KILL always goes to all.
type KillMode string

// The kill modes.
const (
	// KillGroup sends it to the process group, as Ctrl-C at a terminal does; who has
	// left the group gets it when the leader has gone.
	KillGroup KillMode = "group"
	// KillLeader sends it to the process that was started, which is to end the others;
	// what is left half a second after it has gone is killed.
	KillLeader KillMode = "leader"
)

// Leftovers says what becomes of the processes that a command leaves behind.
type Leftovers string

// What can become of them.
const (
	// EndLeftovers ends them. Result.Swept counts them.
	EndLeftovers Leftovers = "end"
	// LeaveLeftovers lets them live, and Result.Survivors names them. Of a command
	// that was cancelled or hit a limit they are ended all the same. They hold no
	// output: their pipe is closed.
	LeaveLeftovers Leftovers = "leave"
)

// LogMode says what becomes of a file that is to get a copy of the output and is
// there already. Anything but a plain file is refused, a link to one as well.
type LogMode string

// The modes of a log.
const (
	LogNew       LogMode = ""          // refuse the request
	LogAppend    LogMode = "append"    // write behind what it has
	LogOverwrite LogMode = "overwrite" // empty it when the execution starts
)

// Limits bound one execution. Zero fields take the engine's configuration, or are
// no limit where that has none. One that this machine cannot enforce is
// ErrUnsupported, unless BestEffort is set.
type Limits struct {
	// OutputBytes is how much of each stream is kept. Defaults to
	// Config.MaxOutputBytes.
	OutputBytes int64 `json:"output_bytes,omitempty"`
	// Oversize says what happens to a stream beyond OutputBytes.
	Oversize Oversize `json:"oversized_output_strategy,omitempty"`

	// MemoryBytes is what all its processes may have in memory together; at least
	// 4 MiB. Who needs more is killed, and CauseMemoryLimit says so.
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
	// CPUs is how many processors they may keep busy together, such as 0.5; at least
	// 0.01. It slows them down.
	CPUs float64 `json:"cpus,omitempty"`
	// Processes is how many processes and threads there may be at once. No more can
	// be made; CauseProcessLimit tells of a command that failed then.
	Processes int64 `json:"processes,omitempty"`
	// OpenFiles is how many descriptors each process may have; at least 16.
	OpenFiles int64 `json:"open_files,omitempty"`
	// BestEffort runs it without the limits that cannot be enforced here, and has
	// Result.Unenforced name them.
	BestEffort bool `json:"best_effort,omitempty"`
}

// Oversize says what happens to a stream that outgrows its limit.
type Oversize string

// The strategies, by the original's names.
const (
	// TruncateWithWarning keeps the head and the tail, and says what is missing.
	TruncateWithWarning Oversize = "TruncateWithWarning"
	// FailExecution ends the execution as failed, by CauseOutputLimit.
	FailExecution Oversize = "FailExecution"
	// StreamToFile keeps head and tail in memory and everything in the file
	// that Result.LogPath names.
	StreamToFile Oversize = "StreamToFile"
)

// Actor is who asks for something: an execution, a cancel, an approval.
type Actor struct {
	// Kind is human, agent, schedule or service, as they say themselves, or user or token
	// where a daemon has found out who it is. Empty: not told.
	Kind ActorKind `json:"kind,omitempty"`
	// Name tells one from another of its kind.
	Name string `json:"name,omitempty"`
	// Role is what the daemon lets them do, such as "operator". Empty: it was none.
	Role string `json:"role,omitempty"`
	// OnBehalfOf is for whom they say that they ask, as KIND:NAME. Nobody has checked it.
	OnBehalfOf string `json:"on_behalf_of,omitempty"`
}

// ActorKind is a kind of actor.
type ActorKind string

// The kinds of actor.
const (
	Human    ActorKind = "human"
	Agent    ActorKind = "agent"
	Schedule ActorKind = "schedule"
	Service  ActorKind = "service"

	// User is an account of the machine, and TokenHolder whoever has a token, by the name of
	// that. Who calls a daemon cannot say either of themselves.
	User        ActorKind = "user"
	TokenHolder ActorKind = "token"
)

// Metadata is carried along for the caller; List can filter by it.
type Metadata struct {
	Source         string            `json:"source,omitempty"`
	ConversationID ID                `json:"conversation_id,omitzero"`
	Tags           map[string]string `json:"tags,omitempty"`
}

// MaxGrace is the longest that Request.Grace may be.
const MaxGrace = 10 * time.Minute

func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return text[:n] + "…"
}
