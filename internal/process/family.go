package process

import (
	"errors"
	"os"
	"syscall"
)

// kin is one process in the system's table of all.
type kin struct {
	pid, parent, group, session int
	born                        int64 // when it started, in any unit: with pid it is one process for ever
	zombie                      bool
	command                     string
}

// family finds the members of a tree in the table of all processes, where no
// system object holds the tree together (macOS). A member is of the leader's
// session or group, or descends from a member: one that left both and whose parent
// has ended is known only if it was seen before that. It has no build tag, so that
// its tests run on Linux too.
type family struct {
	leader int
	// known is when each member that was ever seen was born, by its number: the
	// leader's is there from the start.
	known map[int]int64
}

// newFamily returns the family of a leader that was born then; 0: nobody knows.
func newFamily(leader int, born int64) family {
	f := family{leader: leader, known: map[int]int64{}}
	if born != 0 {
		f.known[leader] = born
	}
	return f
}

// look returns the members that live, but the leader, and remembers them.
func (f *family) look(all []kin) (rest []kin) {
	children := map[int][]kin{}
	var found []kin
	reused := f.isReused(all)
	for _, k := range all {
		children[k.parent] = append(children[k.parent], k)
		if born, ok := f.known[k.pid]; ok && born == k.born ||
			!reused && (k.pid == f.leader || k.group == f.leader || k.session == f.leader) {
			found = append(found, k)
		}
	}
	met := map[int]bool{}
	for len(found) > 0 {
		k := found[len(found)-1]
		found = found[:len(found)-1]
		if met[k.pid] || k.pid <= 1 {
			continue
		}
		met[k.pid] = true
		f.known[k.pid] = k.born
		found = append(found, children[k.pid]...)
		if k.pid != f.leader && !k.zombie {
			rest = append(rest, k)
		}
	}
	return rest
}

// isReused reports whether the leader has gone and its number is another's, whose
// group and session are not ours.
func (f *family) isReused(all []kin) bool {
	born, ok := f.known[f.leader]
	for _, k := range all {
		if ok && k.pid == f.leader {
			return k.born != born
		}
	}
	return false
}

// end kills who is found by find, until nobody is, or it is in vain. It returns how many
// have gone, and who is still there.
func end(find func() []kin, kill func(kin)) (ended int, left []Stray) {
	e, seen := begin(0), map[int]bool{}
	for round := 0; ; round++ {
		rest := find()
		known := len(seen)
		for _, k := range rest {
			seen[k.pid] = true
		}
		if len(rest) == 0 || !e.goesOn(len(rest), len(seen) > known) {
			left = strays(rest)
			return len(seen) - len(left), left
		}
		for _, k := range rest {
			kill(k)
		}
		pause(round)
	}
}

func strays(all []kin) (rest []Stray) {
	for _, k := range all {
		rest = append(rest, Stray{Pid: k.pid, Command: k.command})
	}
	return rest
}

// groupFault says what an error of a signal to the leader's group means. macOS and
// the BSDs say EPERM of a group in which there are only zombies, as of one whose
// members are another user's. It has gone only if its leader's exit is confirmed
// and nobody lives in it: all is the table of processes, empty where it is not known.
func groupFault(err error, leader int, exited bool, all []kin) error {
	if !errors.Is(err, syscall.EPERM) || len(all) == 0 {
		return err
	}
	for _, k := range all {
		if k.group == leader && !k.zombie {
			return err
		}
		exited = exited || k.pid == leader && k.zombie
	}
	if !exited {
		return err
	}
	return os.ErrProcessDone
}
