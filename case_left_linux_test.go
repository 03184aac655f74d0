package engine_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// held opens an engine that holds its executions in cgroups, where there are any.
func held(t *testing.T, c engine.Config) *engine.Engine {
	t.Helper()
	probe := open(t, engine.Config{})
	if can := probe.Capabilities(); can.Containment != engine.ContainmentCgroup {
		t.Skipf("no cgroups here: %s", can.WhyNotStronger)
	}
	return open(t, c)
}

// unique makes a name that processes of no other run of the tests have: by it they are
// found among all of the machine.
func unique(name string) string { return name + "-" + strconv.FormatUint(rand.Uint64(), 36) }

// daemonised starts a program as a daemon does, with nothing that tells whose it is:
// a session of its own, forked twice, an empty environment, closed files.
func daemonised(name string) string {
	return `(env -i setsid -f bash -c 'exec -a ` + name + ` sleep 300' <&- >&- 2>&-)`
}

// running finds a process by its argv[0].
func running(name string) (pids []int) {
	for _, pid := range everyPid() {
		if zeroed(pid, "cmdline")[0] == name {
			pids = append(pids, pid)
		}
	}
	return pids
}

// nowhere waits until no process has a name.
func nowhere(t *testing.T, name string) {
	t.Helper()
	become(t, "end of "+name, func() bool { return len(running(name)) == 0 })
}

func TestTREE07_DaemonWithNothingOfOurs(t *testing.T) {
	t.Parallel()
	e := held(t, engine.Config{Grace: 200 * time.Millisecond})
	name := unique("tree07")
	id := start(t, e, bash(daemonised(name)+"; echo ready; sleep 300"))
	until(t, e, id, printed("ready"))
	become(t, "daemon", func() bool { return len(running(name)) == 1 })
	r := stopped(t, e, id)
	wantCancelled(t, r, false)
	if r.Containment != "cgroup" {
		t.Errorf("containment is %q", r.Containment)
	}
	nowhere(t, name)
}

// A leader that ends by itself, and leaves what holds no output of ours.
func TestTREE10_SilentOrphanIsEndedOrNamed(t *testing.T) {
	t.Parallel()
	e := held(t, engine.Config{})
	ended, left := unique("tree10a"), unique("tree10b")
	request := bash(daemonised(ended))
	r := do(t, e, request)
	if !r.Success || r.Swept < 1 || len(r.Survivors) > 0 || r.OutputIncomplete {
		t.Errorf("want a success that swept one; got %s, %d swept, survivors %v", r.Status, r.Swept, r.Survivors)
	}
	nowhere(t, ended)

	request = bash(daemonised(left) + "; until pgrep -x -f '" + left + " 300' >/dev/null; do :; done")
	request.Leftovers = engine.LeaveLeftovers
	r = do(t, e, request)
	if !r.Success || r.Swept != 0 || len(r.Survivors) != 1 || !strings.HasPrefix(r.Survivors[0].Command, left) {
		t.Fatalf("want a success that names one survivor; got %s, %d swept, survivors %v", r.Status, r.Swept, r.Survivors)
	}
	if pids := running(left); len(pids) != 1 || pids[0] != r.Survivors[0].Pid {
		t.Errorf("survivors are %v, and %v runs", r.Survivors, pids)
	}
	_ = syscall.Kill(r.Survivors[0].Pid, syscall.SIGKILL)
}

// What may stay after an end of its own may not after a cancel.
func TestLeftovers_OfACancelledCommandAreEndedAnyway(t *testing.T) {
	t.Parallel()
	for _, containment := range []engine.Containment{engine.ContainmentAuto, engine.ContainmentGroup} {
		e, g := open(t, engine.Config{Containment: containment}), plant(t)
		request := g.bash("setsid sleep 300 & echo ready; sleep 300")
		request.Leftovers = engine.LeaveLeftovers
		id := start(t, e, request)
		until(t, e, id, printed("ready"))
		g.stands(t, 2, "sleep")
		wantCancelled(t, stopped(t, e, id), false)
		g.ended(t)
	}
}

// Without a cgroup too: what holds the output loses it, and lives.
func TestLeftovers_LiveWhereTheyMay(t *testing.T) {
	t.Parallel()
	for _, containment := range []engine.Containment{engine.ContainmentAuto, engine.ContainmentGroup} {
		e, g := open(t, engine.Config{Containment: containment}), plant(t)
		for _, line := range []string{"sleep 300 &", "setsid sleep 300 &", "sleep 300 <&- >&- 2>&- &"} {
			// Who is left is named by what it is at the end of the leader: it has to be a sleep by then.
			request := g.bash(line + ` until read -rd '' name </proc/$!/cmdline && [ "$name" = sleep ]; do :; done; echo hi`)
			request.Leftovers, request.WaitDelay = engine.LeaveLeftovers, 50*time.Millisecond
			r := do(t, e, request)
			if !r.Success || r.Stdout != "hi\n" || len(r.Survivors) != 1 || r.Survivors[0].Command != "sleep 300" {
				t.Errorf("%s: want a success that leaves a sleep; got %s, survivors %v", line, r.Status, r.Survivors)
			}
			g.stands(t, 1, "sleep")
			for _, s := range r.Survivors {
				_ = syscall.Kill(s.Pid, syscall.SIGKILL)
			}
			g.ended(t)
		}
	}
}

// The leader alone is asked, and ends the others in its own way.
func TestTREE16_LeaderFirst(t *testing.T) {
	t.Parallel()
	e, g := open(t, engine.Config{Grace: tooLong}), plant(t)
	request := g.bash(`trap 'echo leader; kill -TERM $p; wait $p; echo clean; exit 0' TERM
		bash -c 'trap "echo child; exit" TERM; echo up; ` + loop + `' & p=$!; echo ready >&2; ` + loop)
	request.KillMode = engine.KillLeader
	id := start(t, e, request)
	until(t, e, id, printed("up"))
	until(t, e, id, printed("ready"))
	r := stopped(t, e, id)
	wantCancelled(t, r, false)
	if r.Stdout != "up\nleader\nchild\nclean\n" || r.ExitCode != 0 {
		t.Errorf("want the child asked once, by its leader; got %q, code %d", r.Stdout, r.ExitCode)
	}
	g.ended(t)
}

// What the leader does not end is killed soon after it has gone, whatever the grace.
func TestTREE16_WhatTheLeaderLeavesIsKilled(t *testing.T) {
	t.Parallel()
	e, g := open(t, engine.Config{Grace: 10 * time.Minute}), plant(t)
	request := g.bash(`(sleep 300) & trap 'exit 0' TERM; echo ready; ` + loop)
	request.KillMode = engine.KillLeader
	id := start(t, e, request)
	until(t, e, id, printed("ready"))
	r := stopped(t, e, id)
	wantCancelled(t, r, true)
	g.ended(t)
}

// Where the reaper of a command is killed nobody hears how that exits. It is not said to have
// failed: how it ended is not known. What is left of it is ended.
func TestEngine_LosesACommandWithoutItsReaper(t *testing.T) {
	t.Parallel()
	e, g := open(t, engine.Config{Containment: engine.ContainmentReaper}), plant(t)
	request := g.bash("echo here; read; kill -KILL $PPID; exec sleep 300")
	request.Interactive = true
	id := start(t, e, request)
	until(t, e, id, printed("here")) // before that it may not be known to have been started
	if err := e.CloseStdin(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	r := end(t, e, id)
	wantEnding(t, r, ending{engine.Lost, engine.CauseLost, false, engine.Actor{}})
	if r.ExitCode != -1 || r.Signal != "" || r.Stdout != "here\n" || r.Error != "how it ended is not known" {
		t.Errorf("exit code %d, signal %q, %q, %q", r.ExitCode, r.Signal, r.Stdout, r.Error)
	}
	g.ended(t)
}
