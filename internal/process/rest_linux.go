package process

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Containment is how the members of this tree are found.
func (p *Process) Containment() Containment {
	if p.group != nil {
		return InCgroup
	}
	return InGroup
}

// Left reports whether a member of the tree lives beside the leader. Where that is
// not known without a search it says no.
func (p *Process) Left() bool { return p.group != nil && p.group.populated() }

// Rest returns the members of the tree but its leader, as far as they are found.
func (p *Process) Rest() (rest []Stray) {
	for _, pid := range p.find() {
		rest = append(rest, Stray{Pid: pid, Command: commandLine(pid)})
	}
	return rest
}

// find returns the numbers of the members of the tree but its leader. By the mark
// it reads all of /proc: it is for the end of a tree that did not end cleanly.
func (p *Process) find() (pids []int) {
	switch {
	case p.group != nil:
		pids = p.group.members()
	case p.mark != "":
		pids = p.table.sweeper.find(p.mark)
	}
	return slices.DeleteFunc(pids, func(pid int) bool { return pid == p.pid })
}

// isMember reports whether a process is of the tree.
func (p *Process) isMember(pid int) bool {
	if p.group != nil {
		return p.group.has(pid)
	}
	return p.mark != "" && marked(pid, p.mark)
}

// SignalRest sends a signal to the members that left the leader's group, which
// Signal does not reach.
func (p *Process) SignalRest(sig syscall.Signal) {
	for _, pid := range p.find() {
		if group, err := unix.Getpgid(pid); err == nil && group != p.pid {
			p.signalMember(pid, sig)
		}
	}
}

// signalMember signals a process if it is of the tree. The pidfd is opened before
// that is looked at, so that a number which changes hands meanwhile is left alone.
func (p *Process) signalMember(pid int, sig syscall.Signal) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer closeAll(fd)
	if p.isMember(pid) {
		_ = unix.PidfdSendSignal(fd, sig, nil, 0)
		if sig != unix.SIGKILL {
			_ = unix.PidfdSendSignal(fd, unix.SIGCONT, nil, 0) // a stopped one would not see it
		}
	}
}

// EndRest kills the members of the tree that are not in the leader's group, and
// those that are. It returns how many it has ended, and what is still there
// after a second.
func (p *Process) EndRest() (ended int, left []Stray) {
	if p.group != nil {
		if !p.Left() {
			return 0, nil
		}
		before := len(p.find())
		p.group.kill(restTime)
		if p.Left() {
			left = p.Rest()
		}
		return max(before-len(left), 0), left
	}
	return p.endMarked()
}

// endMarked kills who carries the mark until nothing is found twice in a row.
// Twice, because the environment of a process that is just calling exec reads as
// empty.
func (p *Process) endMarked() (ended int, left []Stray) {
	if p.mark == "" {
		return 0, nil
	}
	start, seen := time.Now(), map[int]bool{}
	for clean, round := 0, 0; clean < 2 && time.Since(start) < restTime; round++ {
		if round > 0 {
			pause(round - 1)
		}
		left = p.Rest()
		for _, s := range left {
			seen[s.Pid] = true
			p.signalMember(s.Pid, unix.SIGKILL)
		}
		clean++
		if len(left) > 0 {
			clean = 0
		}
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
