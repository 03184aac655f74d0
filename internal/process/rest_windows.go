package process

import (
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// find returns the members of the job but the leader, which may be among them for a
// moment after its exit.
func (p *Process) find() (rest []int) {
	for _, pid := range p.tree.members() {
		if pid != p.os.Pid {
			rest = append(rest, pid)
		}
	}
	return rest
}

// Left reports whether a member of the tree lives beside the leader.
func (p *Process) Left() bool { return len(p.find()) > 0 }

// Rest returns the members of the tree but its leader.
func (p *Process) Rest() (rest []Stray) {
	for _, pid := range p.find() {
		rest = append(rest, Stray{Pid: pid, Command: imageOf(pid)})
	}
	return rest
}

// SignalRest does nothing: who left the leader's console group cannot be asked, and
// the others were.
func (p *Process) SignalRest(syscall.Signal) {}

// EndRest ends all processes of the job. It returns how many it has ended beside the
// leader, and what is still there after a second.
func (p *Process) EndRest() (ended int, left []Stray) {
	before, start := len(p.find()), time.Now()
	for round := 0; p.Left() && time.Since(start) < restTime; round++ {
		_ = p.tree.terminate()
		pause(round)
	}
	left = p.Rest()
	return max(before-len(left), 0), left
}

// letGo gives back what holds the tree. Callers hold p.mu.
func (p *Process) letGo() {
	p.tree.release()
	_ = windows.CloseHandle(p.tree.leader)
}

// imageOf is the path of the program that a process runs; "" where it cannot be read.
func imageOf(pid int) string {
	handle, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return ""
	}
	defer func() { _ = windows.CloseHandle(handle) }()
	name := make([]uint16, windows.MAX_LONG_PATH)
	size := uint32(len(name))
	if err := windows.QueryFullProcessImageName(handle, 0, &name[0], &size); err != nil {
		return ""
	}
	return windows.UTF16ToString(name[:size])
}
