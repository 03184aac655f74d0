package run

import (
	"crypto/sha256"
	"hash"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// Runner starts runs and holds what they share: the table of their processes and
// the timer of their deadlines. It is safe for concurrent use; make it with
// [NewRunner].
type Runner struct {
	table  *process.Table
	alarms alarms
}

// NewRunner returns a runner without runs. Errors: the system's.
func NewRunner(o process.Options) (*Runner, error) {
	table, err := process.NewTable(o)
	if err != nil {
		return nil, err
	}
	return &Runner{table: table}, nil
}

// Close waits until every run has ended and frees what the runner holds.
func (r *Runner) Close() error {
	err := r.table.Close()
	r.alarms.stop()
	return err
}

// Start starts the process of s. tell is called once, when the run has ended,
// from a goroutine that must not be kept waiting; it may be called before Start
// returns. Where Start returns an error, tell is not called. Errors: [process.ErrBusy], or what the system says.
func (r *Runner) Start(s *Spec, tell func(Ending)) (*Run, error) {
	run := &Run{terms: s.Terms, program: s.Process.Path, tell: tell, alarms: &r.alarms}
	run.alarm.run = run
	if s.Log != nil {
		run.log = &copied{to: s.Log}
	}
	if s.Digest {
		run.digests = &[2]hash.Hash{sha256.New(), sha256.New()}
	}
	start, started := s.Process, s.Process.Started
	start.Started = func() { run.begin(started) }
	p, err := r.table.Start(start, run)
	if err != nil {
		return nil, err
	}
	run.mu.Lock()
	run.process = p
	if run.phase == stopping {
		run.ask()
	}
	run.advance()
	return run, nil
}

// Enforcements tells for each resource how a run's limit of it is enforced.
func (r *Runner) Enforcements() []process.Enforcement { return r.table.Enforcements() }

// Cgroup is the folder of the cgroup that all runs are below, "" where they are in none.
func (r *Runner) Cgroup() string { return r.table.Cgroup() }

// Containment is how runs are held together, and why they are not more strongly.
func (r *Runner) Containment() (process.Containment, error) {
	return r.table.Containment(), r.table.WhyNotStronger()
}
