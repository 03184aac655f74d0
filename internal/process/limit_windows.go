package process

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// byJob is what limits resources here.
const byJob = "job object"

// Enforcements tells for each resource how it is limited. What the system refuses
// it refuses at the first try, of which the answer is kept.
func (t *Table) Enforcements() []Enforcement { return jobEnforcements() }

//nolint:gochecknoglobals // a fact about the machine
var jobEnforcements = sync.OnceValue(func() (all []Enforcement) {
	for _, l := range []Limits{{MemoryBytes: 1 << 30}, {CPUs: 1}, {Processes: 100}} {
		e := Enforcement{Resource: l.Asked()[0], By: byJob}
		j, err := newJob(&l)
		if err != nil {
			e.By, e.Why = "", err
		} else {
			j.close()
		}
		all = append(all, e)
	}
	return append(all, Enforcement{Resource: OpenFiles, Why: errors.New("this system has no limit of open files")})
})

// check refuses what cannot be done here, and drops the limits that cannot be kept
// where best effort will do.
func (s *Spec) check() error {
	if s.NoNewPrivileges {
		return fmt.Errorf("no new privileges: %w", errors.ErrUnsupported)
	}
	if s.Limits == (Limits{}) {
		return nil
	}
	whys := map[Resource]error{}
	for _, e := range jobEnforcements() {
		whys[e.Resource] = e.Why
	}
	for _, r := range s.Limits.Asked() {
		switch why := whys[r]; {
		case why == nil:
		case s.Limits.BestEffort:
			s.Limits.drop(r)
		default:
			return fmt.Errorf("%w: %s: %w", ErrUnenforced, r, why)
		}
	}
	return nil
}

// bound sets the limits of the job, beside the flags that are given.
func (j *job) bound(flags uint32) error {
	l := &j.limits
	var limit windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	if l.MemoryBytes > 0 {
		flags |= windows.JOB_OBJECT_LIMIT_JOB_MEMORY
		limit.JobMemoryLimit = uintptr(min(uint64(l.MemoryBytes), uint64(^uintptr(0))))
	}
	if l.Processes > 0 {
		flags |= windows.JOB_OBJECT_LIMIT_ACTIVE_PROCESS
		limit.BasicLimitInformation.ActiveProcessLimit = uint32(min(l.Processes, 1<<31))
	}
	limit.BasicLimitInformation.LimitFlags = flags
	err := j.set(windows.JobObjectExtendedLimitInformation, unsafe.Pointer(&limit), unsafe.Sizeof(limit))
	if err != nil || l.CPUs == 0 {
		return err
	}
	rate := struct{ flags, rate uint32 }{ // JOBOBJECT_CPU_RATE_CONTROL_INFORMATION
		flags: cpuRateEnable | cpuRateHardCap,
		rate:  cpuRate(l.CPUs, int(windows.GetActiveProcessorCount(windows.ALL_PROCESSOR_GROUPS))),
	}
	return j.set(windows.JobObjectCpuRateControlInformation, unsafe.Pointer(&rate), unsafe.Sizeof(rate))
}

// Flags of JOBOBJECT_CPU_RATE_CONTROL_INFORMATION, from winnt.h.
const (
	cpuRateEnable  = 0x1
	cpuRateHardCap = 0x4
)

// Hits says that no limit stood in the way: a job does not tell. What a program is
// refused it hears itself.
func (p *Process) Hits() Hits { return Hits{} }

// MaxOpenFiles is the most that Limits.OpenFiles can be: no limit is too high where
// none can be kept.
func MaxOpenFiles() int64 { return math.MaxInt64 }
