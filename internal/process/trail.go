package process

import "os"

// Trail is how what is left of a tree is found by another program than the one that
// kept it.
type Trail struct {
	// Cgroup is the folder that the tree is below: [Table.Cgroup]. Empty: none.
	Cgroup string `json:"cgroup,omitempty"`
	// Mark is that of its Spec.
	Mark string `json:"mark,omitempty"`
	// Keeper is the process that kept it.
	Keeper Identity `json:"keeper"`
}

// Identity tells one process from another that has its number later: on this machine,
// until it is started again.
type Identity struct {
	Pid int `json:"pid"`
	// Started is when it was started, in clock ticks since the machine was.
	Started int64 `json:"started,omitempty"`
	// Boot tells one start of the machine from another.
	Boot string `json:"boot,omitempty"`
}

// Self is who this process is.
func Self() Identity {
	return Identity{Pid: os.Getpid(), Started: startOf(os.Getpid()), Boot: bootID()}
}

// SameBoot reports whether the machine was not started again since.
func (i Identity) SameBoot() bool { return i.Boot != "" && i.Boot == bootID() }
