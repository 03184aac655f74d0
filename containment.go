package engine

import "slices"

// Containment is how the processes of an execution are held together, so that all
// of them end with it: whoever left the process group, the session, or lost its
// parent included.
type Containment string

// The containments, the strongest first.
const (
	// ContainmentAuto takes the strongest that the machine has.
	ContainmentAuto Containment = ""
	// ContainmentCgroup puts each execution into a cgroup of its own (Linux,
	// version 2, where this program may make groups). Nothing leaves it, all of it
	// is ended at once, and what outlives the command is always seen.
	ContainmentCgroup Containment = "cgroup"
	// ContainmentGroup signals the process group, and on Linux also finds whoever
	// kept a variable of ours in its environment. A process that left the group and
	// cleaned its environment is not found; one that outlives a command which ended
	// by itself is seen only if it holds the output open.
	ContainmentGroup Containment = "group"
)

// containments are those with a name, from 1 on.
func containments() []Containment {
	return []Containment{ContainmentAuto, ContainmentCgroup, ContainmentGroup}
}

// containmentIndex is the place of a name among containments, 0 if it is not one.
func containmentIndex(name string) uint8 {
	return uint8(max(slices.Index(containments(), Containment(name)), 0))
}
