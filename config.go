package engine

import (
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Forever is a duration that does not end, and Unlimited a count without bound,
// for the settings that say they take them. Zero always means the default.
const (
	Forever   = time.Duration(math.MaxInt64)
	Unlimited = math.MaxInt64
)

// Config is how an engine works. The zero value is a good one.
//
// Its JSON has the original's names for what the original had. UnmarshalJSON
// refuses names that it does not know; see [Config.ReadEnv] for variables.
type Config struct {
	// MaxConcurrent is how many executions run at once. Defaults to 100.
	MaxConcurrent int
	// MaxQueued is how many may wait for a slot. Defaults to 10,000.
	MaxQueued int
	// FailFast makes Execute fail with ErrConcurrencyLimit where it would queue.
	FailFast bool

	// DefaultTimeout is the timeout of a request that names none. Defaults to 5
	// minutes, or MaxTimeout where that is less.
	DefaultTimeout time.Duration
	// MaxTimeout is the longest timeout a request may name. Defaults to 60 minutes.
	// Forever: no bound.
	MaxTimeout time.Duration
	// QueueTimeout is how long an execution may wait for a slot where its request
	// names nothing. Defaults to Forever.
	QueueTimeout time.Duration
	// Grace is the time between the stop signal and KILL. Defaults to 10 seconds;
	// at most MaxGrace.
	Grace time.Duration
	// WaitDelay is how long a process that has exited may leave its output pipe
	// open in another's hands. Defaults to 2 seconds; at most MaxGrace.
	WaitDelay time.Duration

	// MaxOutputBytes is how much of each stream of an execution is kept. Defaults
	// to 10 MiB.
	MaxOutputBytes int64
	// Oversize says what happens beyond MaxOutputBytes. Defaults to
	// TruncateWithWarning.
	Oversize Oversize
	// MaxMemoryBytes is how much output all executions together keep in memory: the
	// output of the oldest finished one goes first. Defaults to 100 MiB.
	MaxMemoryBytes int64
	// LogDir, if set, is a directory in which each execution that names no
	// OutputLogPath gets one, ID.log. It must be absolute; it is made if missing.
	LogDir string
	// BufferOutput holds back from Watch and Handler, until an execution has ended,
	// its output and the events around it. In JSON it is stream_output, with the opposite sense.
	BufferOutput bool

	// MaxFinished is how many finished executions are kept. Defaults to 1,000.
	// Unlimited: all.
	MaxFinished int
	// Retention is how long a finished execution is kept. Defaults to 1 hour.
	// Forever: until MaxFinished.
	Retention time.Duration
	// NoAutoCleanup leaves both to calls of Cleanup. In JSON it is
	// enable_auto_cleanup, with the opposite sense.
	NoAutoCleanup bool

	// Containment is how the processes of an execution are held together. Defaults
	// to the strongest that this machine has; New fails where it has not what is
	// asked for. It means nothing to a Runner of yours.
	Containment Containment

	// Handler hears of every event. Defaults to nobody.
	Handler EventHandler
	// Policy decides what may run. Defaults to everything.
	Policy Policy
	// Runner starts what runs. Defaults to processes of this program.
	Runner Runner
	// Store, if not nil, keeps every request before Execute returns, and what became of
	// it; what the engine has not in memory it looks up there. The engine does not close
	// it. See [Engine.Recover] for what an engine before has left. Defaults to nothing:
	// all is forgotten with the program.
	Store Store
	// Logger gets what has no caller to be told, such as a handler that panics.
	// Defaults to slog.Default().
	Logger *slog.Logger
}

// WithDefaults returns a copy in which every zero field has its default.
func (c Config) WithDefaults() Config {
	c.MaxConcurrent = cmp.Or(c.MaxConcurrent, 100)
	c.MaxQueued = cmp.Or(c.MaxQueued, 10_000)
	c.MaxTimeout = cmp.Or(c.MaxTimeout, time.Hour)
	c.DefaultTimeout = cmp.Or(c.DefaultTimeout, min(5*time.Minute, c.MaxTimeout))
	c.QueueTimeout = cmp.Or(c.QueueTimeout, Forever)
	c.Grace = cmp.Or(c.Grace, 10*time.Second)
	c.WaitDelay = cmp.Or(c.WaitDelay, 2*time.Second)
	c.MaxOutputBytes = cmp.Or(c.MaxOutputBytes, 10<<20)
	c.Oversize = cmp.Or(c.Oversize, TruncateWithWarning)
	c.MaxMemoryBytes = cmp.Or(c.MaxMemoryBytes, 100<<20)
	c.MaxFinished = cmp.Or(c.MaxFinished, 1000)
	c.Retention = cmp.Or(c.Retention, time.Hour)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// minMemoryBytes is the least that MaxMemoryBytes may be: below it the head of a
// single execution would not fit.
const minMemoryBytes = 1 << 20

// Validate reports every fault of the configuration at once, as one
// ErrInvalidConfig, or nil. Zero fields are no fault.
func (c Config) Validate() error {
	c = c.WithDefaults()
	var faults []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	check(c.MaxConcurrent >= 1, "max_concurrent_executions is %d: must be at least 1", c.MaxConcurrent)
	check(c.MaxQueued >= 1, "max_queued_executions is %d: must be at least 1", c.MaxQueued)
	check(c.MaxTimeout > 0, "max_timeout_ms is %d: must be above 0", c.MaxTimeout.Milliseconds())
	check(c.DefaultTimeout > 0, "default_timeout_ms is %d: must be above 0", c.DefaultTimeout.Milliseconds())
	check(c.DefaultTimeout <= c.MaxTimeout, "default_timeout_ms (%d) is above max_timeout_ms (%d)",
		c.DefaultTimeout.Milliseconds(), c.MaxTimeout.Milliseconds())
	check(c.QueueTimeout > 0, "queue_timeout_ms is %d: must be above 0", c.QueueTimeout.Milliseconds())
	check(c.Grace > 0 && c.Grace <= MaxGrace, "grace_ms is %d: must be 1 to %d", c.Grace.Milliseconds(), MaxGrace.Milliseconds())
	check(c.WaitDelay > 0 && c.WaitDelay <= MaxGrace, "wait_delay_ms is %d: must be 1 to %d",
		c.WaitDelay.Milliseconds(), MaxGrace.Milliseconds())
	check(c.MaxOutputBytes > 0, "max_output_size_bytes is %d: must be above 0", c.MaxOutputBytes)
	check(c.Oversize.valid(), "oversized_output_strategy is %q: must be %s", c.Oversize, oversizeNames)
	check(c.MaxMemoryBytes >= minMemoryBytes, "max_memory_bytes is %d: must be at least %d", c.MaxMemoryBytes, minMemoryBytes)
	check(c.LogDir == "" || filepath.IsAbs(c.LogDir), "log_dir is %q: must be an absolute path", c.LogDir)
	check(c.MaxFinished >= 1, "max_in_memory_executions is %d: must be at least 1", c.MaxFinished)
	check(slices.Contains(containments(), c.Containment), "containment is %q: must be cgroup, reaper, job or group", c.Containment)
	check(c.Retention > 0, "execution_retention_secs is %d: must be above 0", int64(c.Retention.Seconds()))
	if len(faults) > 0 {
		return fault(ErrInvalidConfig, "%s", strings.Join(faults, "; "))
	}
	return nil
}

const oversizeNames = "TruncateWithWarning, FailExecution or StreamToFile"

func (o Oversize) valid() bool {
	return o == TruncateWithWarning || o == FailExecution || o == StreamToFile
}
