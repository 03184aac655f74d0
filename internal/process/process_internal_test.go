//go:build linux

package process

import (
	"errors"
	"os"
	"strconv"
	"syscall"
	"testing"
)

// A group of -1 is everybody, and one of 0 is ours: with no number of its own a
// process is not signalled. Signal 0 would hurt nobody if it were.
func TestSignal_OfANumberBelowTwoReachesNobody(t *testing.T) {
	t.Parallel()
	for _, pid := range []int{-1, 0, 1} {
		p := &Process{pid: pid, pidfd: -1}
		if err := p.Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("process %d: want %v, got %v", pid, os.ErrProcessDone, err)
		}
	}
}

// The sweep looks at nobody below 2 either, whatever the environment of process 1
// has in it.
func TestAllPids_AreAboveOne(t *testing.T) {
	t.Parallel()
	pids, self := allPids(), false
	for _, pid := range pids {
		self = self || pid == os.Getpid()
		if pid <= 1 {
			t.Errorf("%d is among them", pid)
		}
	}
	if !self {
		t.Errorf("want this process, %s, among the %d", strconv.Itoa(os.Getpid()), len(pids))
	}
}

// One that was reaped has given its number back: to signal it would reach
// whoever has the number now, here this very process.
func TestSignal_AfterTheReapingReachesNobody(t *testing.T) {
	t.Parallel()
	p := &Process{pid: os.Getpid(), pidfd: -1, reaped: true}
	if err := p.Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("want %v, got %v", os.ErrProcessDone, err)
	}
}
