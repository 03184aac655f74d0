package process

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// below is the processes that descend from the one with this number, and not that
// one. Where it adopts orphans they are all that were ever started there.
type below int

// members returns those that live. One whose parent ends meanwhile can be missed.
func (b below) members() (pids []int) {
	parents := map[int]int{}
	all := allPids()
	for _, pid := range all {
		if parent, state := lineage(pid); state != 0 {
			parents[pid] = parent
			if state != zombie {
				pids = append(pids, pid)
			}
		}
	}
	kept := pids[:0]
	for _, pid := range pids {
		if b.isAbove(pid, func(pid int) int { return parents[pid] }) {
			kept = append(kept, pid)
		}
	}
	return kept
}

func (b below) has(pid int) bool {
	return b.isAbove(pid, func(pid int) int {
		parent, _ := lineage(pid)
		return parent
	})
}

// isAbove follows the parents of a process, which are read one by one: a loop of
// numbers that changed hands is left after as many steps as no tree has.
func (b below) isAbove(pid int, parentOf func(int) int) bool {
	for range deepest {
		if pid = parentOf(pid); pid <= 1 {
			return false
		}
		if pid == int(b) {
			return true
		}
	}
	return false
}

const deepest = 1 << 15

// end kills them all, until empty says that there is none, or it is in vain. It
// returns all that it has seen. First everybody is stopped until nobody new is
// found: who is killed makes room for the children of the others where a limit
// keeps a fork bomb small, and who is stopped does not.
func (b below) end(empty func() bool) (seen map[int]bool) {
	seen = map[int]bool{}
	e := begin(0)
	for round := 0; !empty(); round++ {
		found, fresh := b.members(), false
		for _, pid := range found {
			if !seen[pid] {
				seen[pid], fresh = true, true
				signalMember(b.has, pid, unix.SIGSTOP)
			}
		}
		if fresh && time.Since(e.begun) < restTime/2 {
			continue
		}
		for _, pid := range found {
			signalMember(b.has, pid, unix.SIGKILL)
		}
		if !e.goesOn(len(found), fresh) {
			break
		}
		pause(min(round, 4))
	}
	return seen
}

const zombie = 'Z'

// lineage returns the parent of a process and the letter of its state, 0 where it
// is gone; see proc(5).
func lineage(pid int) (parent int, state byte) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, 0
	}
	parent, _ = strconv.Atoi(string(fields[1]))
	return parent, fields[0][0]
}
