//go:build linux

package run_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/process"
	"github.com/escher-dbai/cloudops-engine/internal/run"
)

// containments are those that can be had here.
func containments(t *testing.T) (all []process.Containment) {
	t.Helper()
	for _, c := range []process.Containment{process.InCgroup, process.InReaper, process.InGroup} {
		runner, err := run.NewRunner(process.Options{Containment: c})
		if err != nil {
			t.Logf("not tested in a %s: %v", c, err)
			continue
		}
		if err := runner.Close(); err != nil {
			t.Error(err)
		}
		all = append(all, c)
	}
	return all
}

func TestStop_GoesOnWhenTheLeaderObeysAndAMemberDoesNot(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			got := run.Ending{State: process.State{Code: -1}}
			// How long the leader needs to obey, nobody knows beforehand.
			for grace := 300 * time.Millisecond; got.State.Code == -1 && grace < time.Minute; grace *= 2 {
				x := startIn(t, c, `trap 'exit 0' TERM; (trap '' TERM; echo $BASHPID; while :; do sleep 0.01; done) & while :; do sleep 0.01; done`,
					func(s *run.Spec) { s.Grace = grace })
				x.until("\n")
				pid, err := strconv.Atoi(strings.TrimSpace(x.output(journal.Stdout)))
				if err != nil {
					t.Fatal(err)
				}
				x.Stop(run.Cancelled, nil)
				got = x.wait()
				gone(t, pid)
			}
			if got.Cause != run.Cancelled || got.State.Code != 0 || len(got.Survivors) > 0 {
				t.Errorf("ending is %+v", got)
			}
		})
	}
}

func TestStop_ReachesWhoLeftTheSession(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			x := startIn(t, c, `setsid sleep 311 & echo $!; sleep 311`, func(s *run.Spec) { s.Grace = 300 * time.Millisecond })
			x.until("\n")
			pid, err := strconv.Atoi(strings.TrimSpace(x.output(journal.Stdout)))
			if err != nil {
				t.Fatal(err)
			}
			x.Stop(run.Cancelled, nil)
			if got := x.wait(); len(got.Survivors) > 0 {
				t.Errorf("ending is %+v", got)
			}
			gone(t, pid)
		})
	}
}

func TestRun_EndsAfterTheWaitDelayWhereAPipeIsHeld(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			for _, command := range []string{
				"sleep 312 & echo hi; exit 7",
				"setsid sleep 312 & echo hi; exit 7",
			} {
				x := startIn(t, c, command, func(s *run.Spec) { s.WaitDelay = 200 * time.Millisecond })
				got := x.wait()
				if got.Cause != run.Exited || got.State.Code != 7 || !got.PipeHeld || len(got.Survivors) > 0 {
					t.Errorf("%s: ending is %+v", command, got)
				}
				if took := got.Ended.Sub(got.Started); took < 200*time.Millisecond || took > time.Minute {
					t.Errorf("%s: took %v", command, took)
				}
				if out := x.output(journal.Stdout); out != "hi\n" {
					t.Errorf("%s: stdout is %q", command, out)
				}
			}
		})
	}
}

func TestTimeout_EndsTheWholeGroup(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			x := startIn(t, c, "sleep 313; true", func(s *run.Spec) { s.Timeout = 100 * time.Millisecond })
			got := x.wait()
			if got.Cause != run.TimedOut || got.State.Signal != syscall.SIGTERM || got.Ended.Sub(got.Started) < 100*time.Millisecond {
				t.Errorf("ending is %+v", got)
			}
		})
	}
}

// A command that kills its reaper is not told as ended while it lives.
func TestRun_EndsATreeThatKilledItsReaper(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	x := startIn(t, process.InReaper, `setsid sleep 313 >/dev/null 2>&1 & exec >&- 2>&-; read -r _ <`+gate+`; kill -KILL $PPID; exec sleep 313`)
	if err := os.WriteFile(gate, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	got := x.wait()
	if got.Cause != run.Lost || got.Containment != process.InGroup || got.State.Code != -1 || got.Swept != 2 || len(got.Survivors) > 0 {
		t.Errorf("ending is %+v", got)
	}
}

// gone waits until a process that was killed has died.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-time.After(time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return
		}
	}
	t.Errorf("%d still lives", pid)
}
