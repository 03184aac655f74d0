package main

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// markVariable carries the mark of a fixture. The processes of random trees carry
// theirs as an argument, which survives a clean environment.
const markVariable = "TREES_MARK"

// found is a process as /proc shows it.
type found struct {
	pid  int
	argv []string
	env  []string
}

// String is how it is shown to people.
func (f found) String() string { return strings.Join(f.argv, " ") + " (" + strconv.Itoa(f.pid) + ")" }

// look reads a process. A zombie has no arguments and is not found.
func look(pid int) (found, bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	argv, err := os.ReadFile(dir + "/cmdline")
	if err != nil || len(argv) == 0 {
		return found{}, false
	}
	env, _ := os.ReadFile(dir + "/environ") // one that just ended has none
	return found{pid, fields(argv), fields(env)}, true
}

func fields(zeroed []byte) (all []string) {
	for field := range bytes.SplitSeq(bytes.TrimSuffix(zeroed, []byte{0}), []byte{0}) {
		all = append(all, string(field))
	}
	return all
}

// matcher tells whether a process is meant.
type matcher func(found) bool

// ofTree is every process that was given exactly this mark.
func ofTree(mark string) matcher {
	return func(f found) bool {
		return slices.Contains(f.argv, mark) || slices.Contains(f.env, markVariable+"="+mark)
	}
}

// ofRun is every process of any tree of this run.
func ofRun(mark string) matcher {
	begins := func(prefix string) func(string) bool {
		return func(s string) bool { return strings.HasPrefix(s, prefix+"/") }
	}
	return func(f found) bool {
		return slices.ContainsFunc(f.argv, begins(mark)) || slices.ContainsFunc(f.env, begins(markVariable+"="+mark))
	}
}

// search returns the processes that are meant.
func search(meant matcher) (all []found) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid <= 1 || pid == os.Getpid() {
			continue
		}
		if f, ok := look(pid); ok && meant(f) {
			all = append(all, f)
		}
	}
	return all
}

// settled searches until nothing is found or patience ends: what was killed
// needs a moment to be gone.
func settled(meant matcher, patience time.Duration) []found {
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		all := search(meant)
		if len(all) == 0 || time.Now().After(deadline) {
			return all
		}
	}
}

// clear kills what is meant until it is not found three times in a row: a
// process between fork and exec can be missed once.
func clear(meant matcher) {
	for clean := 0; clean < 3; time.Sleep(2 * time.Millisecond) {
		clean++
		for _, f := range search(meant) {
			kill(f.pid, meant)
			clean = 0
		}
	}
}

// kill kills a process if it is still the one that is meant. Go holds it by a
// pidfd from the look on, so that nobody else can be hit.
func kill(pid int, meant matcher) {
	p, err := os.FindProcess(pid)
	if err != nil {
		return
	}
	defer p.Release() //nolint:errcheck // there is nothing to be done
	if f, ok := look(pid); ok && meant(f) {
		_ = p.Kill() // it may be gone
	}
}
