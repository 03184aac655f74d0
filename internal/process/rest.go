package process

import (
	"errors"
	"time"
)

const (
	// restTime is how long processes that were killed get to be gone.
	restTime = time.Second
	// mostRestTime is how long the rest of a tree is killed that goes on becoming less, or
	// another: a large one on a machine that has much else to do.
	mostRestTime = 10 * time.Second
)

// effort says how long to go on killing: until restTime has passed without a difference.
// Make it with begin.
type effort struct {
	begun, moved time.Time
	left         int
}

// begin is an effort to kill so many, 0 where nobody has looked yet.
func begin(left int) effort {
	now := time.Now()
	return effort{begun: now, moved: now, left: left}
}

// goesOn reports whether to try again where so many are left, some of whom may be new.
func (e *effort) goesOn(left int, fresh bool) bool {
	now := time.Now()
	if fresh || left < e.left {
		e.moved = now
	}
	e.left = left
	return now.Sub(e.moved) < restTime && now.Sub(e.begun) < mostRestTime
}

// Stray is a process of a tree that is not its leader.
type Stray struct {
	Pid     int
	Command string // its command line, as far as it can be read
}

// Containment is how the members of a tree are found, wherever they have gone.
type Containment string

// The ways, the strongest first.
const (
	// InCgroup: each tree is in a cgroup of its own (Linux, version 2), that none
	// leaves without leave. All of it is ended, and whether it is empty is known.
	InCgroup Containment = "cgroup"
	// InJob: each tree is in a Job Object of its own (Windows), that none leaves. All
	// of it is ended, with this program too, and whether it is empty is known.
	InJob Containment = "job"
	// InReaper: each leader is the child of a process of ours that adopts every orphan
	// of its tree (Linux, where the program calls [ReaperMain]). All of it is found as
	// what descends from there, and ends with this program too.
	InReaper Containment = "reaper"
	// InGroup: the process group; on Linux also who kept the mark of [Spec] in its
	// environment, on macOS who descends from the leader. Who left the group and
	// cleaned its environment (macOS: whose parent ended before the tree was looked
	// at) is not found.
	InGroup Containment = "group"
)

// ErrNoContainment is returned by NewTable where the system has not what was asked
// for.
var ErrNoContainment = errors.New("not to be had here")

// ErrNoSignal is returned by Signal and SignalLeader where a process cannot be asked
// to end, only be ended: on Windows without a console.
var ErrNoSignal = errors.New("there is no signal here that it could hear")

// ErrNoHook comes with ErrNoContainment where the program could have it.
var ErrNoHook = errors.New("the program does not call ReaperMain at the top of main")

// Options say how a table works. The zero value takes what is best here.
type Options struct {
	// Containment is what to use. Empty: the strongest that there is. Where a
	// system has not what is asked for, NewTable fails.
	Containment Containment
}
