package engine

import (
	"log/slog"
	"slices"
	"sync"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// Containment is how the processes of an execution are held together, so that all
// of them end with it: whoever left the process group, the session, or lost its
// parent included.
type Containment string

// The containments, the strongest first.
const (
	// ContainmentAuto takes the strongest that the machine has, and the program
	// allows: a reaper only where it calls [ReaperMain].
	ContainmentAuto Containment = ""
	// ContainmentCgroup puts each execution into a cgroup of its own (Linux,
	// version 2, where this program may make groups). Nothing leaves it, all of it
	// is ended at once, and what outlives the command is always seen.
	ContainmentCgroup Containment = "cgroup"
	// ContainmentReaper puts a small process between this program and each command
	// (Linux, in a program that calls [ReaperMain]). It adopts whoever loses its parent,
	// so that all of the tree is found below it and ended, also when this program is
	// killed. It costs some milliseconds for each execution.
	ContainmentReaper Containment = "reaper"
	// ContainmentJob puts each execution into a Job Object of its own (Windows, which
	// has nothing else). Nothing leaves it, all of it is ended at once, with the
	// program that runs the engine too, and what outlives the command is always seen.
	ContainmentJob Containment = "job"
	// ContainmentGroup signals the process group, and also finds on Linux whoever
	// kept a variable of ours in its environment, on macOS whoever descended from the
	// command when it was stopped. A process that left the group and cleaned its
	// environment, on macOS lost its parent before, is not found; one that outlives a
	// command which ended by itself is seen only if it holds the output open.
	ContainmentGroup Containment = "group"
)

// ReaperMain makes the program able to be the reaper of [ContainmentReaper]. Call it
// at the top of main, and of TestMain, before anything is opened or started: where
// the program was started by an engine as a reaper, ReaperMain is that and does not
// return. Else it returns at once. On other systems than Linux it does nothing.
func ReaperMain() { process.ReaperMain() }

// containments are those with a name, from 1 on.
func containments() []Containment {
	return []Containment{ContainmentAuto, ContainmentCgroup, ContainmentReaper, ContainmentJob, ContainmentGroup}
}

// Capabilities are what this machine lets the engine do.
type Capabilities struct {
	// Containment is how executions are held together. Empty: a Runner of yours
	// sees to it.
	Containment Containment `json:"containment,omitempty"`
	// WhyNotStronger says why it is not the strongest; empty if it is.
	WhyNotStronger string `json:"why_not_stronger,omitempty"`
	// Limits says for each of memory_bytes, cpus, processes and open_files how it is
	// enforced.
	Limits []LimitSupport `json:"limits,omitempty"`
}

// LimitSupport says how a limit is enforced.
type LimitSupport struct {
	Limit string `json:"limit"`
	// By is "cgroup v2", "cgroup v1", "rlimit" or "job object"; empty where it cannot be
	// enforced.
	By string `json:"by,omitempty"`
	// Why is why it cannot.
	Why string `json:"why,omitempty"`
}

// Capabilities finds out what this machine can enforce. It is safe for concurrent
// use.
func (e *Engine) Capabilities() (c Capabilities) {
	here := e.here()
	if here == nil {
		return c
	}
	held, why := here.runs.Containment()
	c.Containment = Containment(held)
	if why != nil {
		c.WhyNotStronger = why.Error()
	}
	for _, way := range here.runs.Enforcements() {
		l := LimitSupport{Limit: string(way.Resource), By: way.By}
		if way.Why != nil {
			l.Why = way.Why.Error()
		}
		c.Limits = append(c.Limits, l)
	}
	return c
}

// means finds out what this machine can do, where executions run on it and another
// Runner starts them: when that is asked for first.
type means struct {
	once   sync.Once
	runner *localRunner
}

// here is what this machine can do for executions; nil where they do not run here, or it
// cannot be found out.
func (e *Engine) here() *localRunner {
	n, ok := e.runner.(Neighbour)
	if !ok {
		return e.local
	}
	e.means.once.Do(func() {
		local, err := newLocalRunner(n.Containment())
		if err != nil {
			e.config.Logger.Error("what this machine can enforce is not known", slog.Any("error", err))
			return
		}
		e.means.runner = local
	})
	return e.means.runner
}

// close lets it go.
func (m *means) close() error {
	m.once.Do(func() {})
	if m.runner == nil {
		return nil
	}
	return m.runner.close()
}

// containmentIndex is the place of a name among containments, 0 if it is not one.
func containmentIndex(name string) uint8 {
	return uint8(max(slices.Index(containments(), Containment(name)), 0))
}
