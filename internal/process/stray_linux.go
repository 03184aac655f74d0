package process

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Strays returns the processes that carry the tree's mark in the environment
// they were started with, the leader left out. It reads all of /proc: it is for
// the end of a tree that did not end cleanly.
func (p *Process) Strays() (found []Stray) {
	if p.mark == "" {
		return nil
	}
	for _, pid := range p.table.sweeper.find(p.mark) {
		if pid != p.pid {
			found = append(found, Stray{Pid: pid, Command: commandLine(pid)})
		}
	}
	return found
}

// strayTime is how long processes that were killed get to be gone.
const strayTime = time.Second

// KillStrays kills what Strays finds until nothing is found twice in a row, and
// returns what is still there after strayTime. Twice, because the environment of a
// process that is just calling exec reads as empty.
func (p *Process) KillStrays() (left []Stray) {
	if p.mark == "" {
		return nil
	}
	start := time.Now()
	for clean, round := 0, 0; clean < 2 && time.Since(start) < strayTime; round++ {
		if round > 0 {
			pause(round - 1)
		}
		left = p.Strays()
		for _, s := range left {
			killMarked(s.Pid, p.mark)
		}
		clean++
		if len(left) > 0 {
			clean = 0
		}
	}
	return left
}

// killMarked kills pid if it carries the mark. The pidfd is opened before the
// mark is read, so that a number which changes hands meanwhile is not killed.
func killMarked(pid int, mark string) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(fd) }()
	if marked(pid, mark) {
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	}
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

// marked reports whether pid was started with the entry in its environment. A
// zombie's environment is empty.
func marked(pid int, mark string) bool {
	for entry := range bytes.SplitSeq(environment(pid), []byte{0}) {
		if string(entry) == mark {
			return true
		}
	}
	return false
}

// environment is what pid was started with; nothing where it may not be read.
func environment(pid int) []byte {
	environ, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ") // it may be gone
	return environ
}

func commandLine(pid int) string {
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
}
