package process

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// tree finds and ends the members of one tree. There is one for each Containment.
type tree interface {
	containment() Containment
	// left reports whether a member lives. Where that is not known without a search
	// it says no.
	left() bool
	members() []int
	has(pid int) bool
	// end kills all members. It returns how many others than the leader it has ended,
	// and which of them are still there after restTime.
	end(leader int) (ended int, left []int)
}

// tree is how this one is held.
func (p *Process) tree() tree {
	switch {
	case p.group != nil:
		return p.group
	case p.reaper != nil:
		return p.reaper
	}
	return &p.marks
}

// Containment is how the members of this tree are found.
func (p *Process) Containment() Containment { return p.tree().containment() }

// Left reports whether a member of the tree lives beside the leader that has
// exited. Where that is not known without a search it says no.
func (p *Process) Left() bool { return p.tree().left() }

// Rest returns the members of the tree but its leader, as far as they are found.
func (p *Process) Rest() []Stray { return straysOf(p.find()) }

func (p *Process) find() []int { return without(p.tree().members(), p.pid) }

func without(pids []int, leader int) []int {
	return slices.DeleteFunc(pids, func(pid int) bool { return pid == leader })
}

func straysOf(pids []int) (all []Stray) {
	for _, pid := range pids {
		all = append(all, Stray{Pid: pid, Command: commandLine(pid)})
	}
	return all
}

// SignalRest sends a signal to the members that left the leader's group, which
// Signal does not reach.
func (p *Process) SignalRest(sig syscall.Signal) {
	for _, pid := range p.find() {
		if group, err := unix.Getpgid(pid); err == nil && group != p.pid {
			signalMember(p.tree().has, pid, sig)
		}
	}
}

// signalMember signals a process if it is of the tree, and wakes it where it is
// stopped and would not see the signal. The pidfd is opened before the look, so that
// a number which changes hands meanwhile is left alone.
func signalMember(isMember func(pid int) bool, pid int, sig syscall.Signal) {
	send := func(sig syscall.Signal) error { return unix.Kill(pid, sig) } // before Linux 5.3
	switch fd, err := unix.PidfdOpen(pid, 0); {
	case err == nil:
		defer closeAll(fd)
		send = func(sig syscall.Signal) error { return unix.PidfdSendSignal(fd, sig, nil, 0) }
	case errors.Is(err, unix.ESRCH):
		return
	}
	if isMember(pid) {
		_ = send(sig)
		if sig != unix.SIGKILL && sig != unix.SIGSTOP {
			_ = send(unix.SIGCONT)
		}
	}
}

// EndRest kills the members of the tree that are not in the leader's group, and
// those that are. It returns how many it has ended, and what is still there
// after a second.
func (p *Process) EndRest() (ended int, left []Stray) {
	ended, pids := p.tree().end(p.pid)
	return ended, straysOf(pids)
}

// marks is a tree whose members carry an entry in their environment; empty: nobody
// is found. To look for them is to read all of /proc: it is for the end of a tree
// that did not end cleanly.
type marks struct {
	mark    string
	sweeper *sweeper
}

func (*marks) containment() Containment { return InGroup }
func (*marks) left() bool               { return false }
func (m *marks) has(pid int) bool       { return m.mark != "" && marked(pid, m.mark) }

func (m *marks) members() []int {
	if m.mark == "" {
		return nil
	}
	return m.sweeper.find(m.mark)
}

// end kills until nothing is found twice in a row. Twice, because the environment
// of a process that is just calling exec reads as empty.
func (m *marks) end(leader int) (ended int, left []int) {
	if m.mark == "" {
		return 0, nil
	}
	e, seen := begin(0), map[int]bool{}
	for clean, round := 0, 0; ; round++ {
		left = without(m.members(), leader)
		known := len(seen)
		for _, pid := range left {
			seen[pid] = true
			signalMember(m.has, pid, unix.SIGKILL)
		}
		clean++
		if len(left) > 0 {
			clean = 0
		}
		if clean == 2 || !e.goesOn(len(left), len(seen) > known) {
			break
		}
		pause(round)
	}
	return len(seen) - len(left), left
}

func allPids() (pids []int) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid > 1 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// marked reports whether pid was started with the entry in its environment.
func marked(pid int, mark string) bool {
	for entry := range bytes.SplitSeq(environment(pid), []byte{0}) {
		if string(entry) == mark {
			return true
		}
	}
	return false
}

// environment is what pid was started with. A zombie's is empty.
func environment(pid int) []byte {
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return nil
	}
	return environ
}

func commandLine(pid int) string {
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
}
