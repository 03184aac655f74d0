package process

import "errors"

// Limits bound what a tree may use. Zero fields do not.
type Limits struct {
	// MemoryBytes is what all processes of the tree may have in memory together.
	MemoryBytes int64
	// CPUs is how many processors they may keep busy together, in parts of one.
	CPUs float64
	// Processes is how many processes and threads there may be at once.
	Processes int64
	// OpenFiles is how many descriptors each of them may have.
	OpenFiles int64
	// BestEffort does without the limits that cannot be kept. Each process has then
	// at least its own private memory bounded by MemoryBytes, not the tree.
	BestEffort bool
}

// Resource is something that is limited, by the name of its limit.
type Resource string

// The resources.
const (
	Memory    Resource = "memory_bytes"
	CPUs      Resource = "cpus"
	Processes Resource = "processes"
	OpenFiles Resource = "open_files"
)

// Enforcement says how a table enforces the limit of a resource.
type Enforcement struct {
	Resource Resource
	// By is "cgroup v2", "cgroup v1", "rlimit" or "job object"; empty where it cannot.
	By string
	// Why is why it cannot; nil where it can.
	Why error
}

// Asked returns the resources that are limited.
func (l *Limits) Asked() (asked []Resource) {
	for _, r := range []struct {
		resource Resource
		limited  bool
	}{{Memory, l.MemoryBytes > 0}, {CPUs, l.CPUs > 0}, {Processes, l.Processes > 0}, {OpenFiles, l.OpenFiles > 0}} {
		if r.limited {
			asked = append(asked, r.resource)
		}
	}
	return asked
}

// drop takes the limit of a resource away.
func (l *Limits) drop(r Resource) {
	switch r {
	case Memory:
		l.MemoryBytes = 0
	case CPUs:
		l.CPUs = 0
	case Processes:
		l.Processes = 0
	case OpenFiles:
		l.OpenFiles = 0
	}
}

// Hits says which limits stood in the way of a tree.
type Hits struct {
	Memory    bool // a process was killed because there was no memory left to it
	Processes bool // one could not be started
}

// ErrUnenforced is returned by Start where a limit cannot be kept.
var ErrUnenforced = errors.New("limit cannot be enforced here")
