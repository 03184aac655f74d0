//go:build linux

package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// tooLong is far more than any ending here takes, and far less than what is
// ended would run.
const tooLong = time.Minute

// grove is the processes that carry a mark of one test in their environment.
type grove struct{ entry string }

const groveVariable = "ENGINE_TEST_GROVE"

// plant returns a mark of its own, whose processes do not outlive the test.
func plant(t *testing.T) grove {
	t.Helper()
	g := grove{groveVariable + "=" + strconv.FormatUint(rand.Uint64(), 36)}
	t.Cleanup(func() {
		for _, pid := range g.pids() {
			if p, err := os.FindProcess(pid); err == nil && slices.Contains(g.pids(), pid) {
				_ = p.Kill() // it may be gone
			}
		}
	})
	return g
}

// loop is what a leader with a trap does: bash can miss a signal that comes as
// its wait begins.
const loop = "while :; do sleep 0.02; done"

// bash is a request for a line whose processes are of the grove.
func (g grove) bash(line string, args ...string) engine.Request {
	r := bash(line, args...)
	name, value, _ := strings.Cut(g.entry, "=")
	r.Env = map[string]string{name: value}
	return r
}

func (g grove) pids() []int {
	return slices.DeleteFunc(everyPid(), func(pid int) bool { return !slices.Contains(zeroed(pid, "environ"), g.entry) })
}

// everyPid are all processes but this one.
func everyPid() (pids []int) {
	entries, _ := os.ReadDir("/proc") // it is there on Linux
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// zeroed is what a file of /proc has between NULs; nothing where the process is
// gone or a zombie.
func zeroed(pid int, file string) (fields []string) {
	data, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), file)) // it may be gone
	for field := range bytes.SplitSeq(bytes.TrimSuffix(data, []byte{0}), []byte{0}) {
		fields = append(fields, string(field))
	}
	return fields
}

// named counts the processes whose argv[0] is name.
func (g grove) named(name string) (n int) {
	for _, pid := range g.pids() {
		if zeroed(pid, "cmdline")[0] == name {
			n++
		}
	}
	return n
}

// stands waits until so many processes have a name.
func (g grove) stands(t *testing.T, n int, name string) {
	t.Helper()
	become(t, fmt.Sprintf("%d processes named %s", n, name), func() bool { return g.named(name) == n })
}

// ended checks that nothing is left of the grove: what was killed gets the
// moment that it needs.
func (g grove) ended(t *testing.T) {
	t.Helper()
	become(t, "an end of all of "+g.entry, func() bool { return len(g.pids()) == 0 })
}

// timesOut runs a line to its timeout, which is long enough for a process of that name to
// stand by then: how long a shell takes to get there is the machine's affair, and what it
// does with a signal on the way is its own. It returns the timeout too.
func (g grove) timesOut(t *testing.T, e *engine.Engine, line, name string) (engine.Result, time.Duration) {
	t.Helper()
	request := g.bash(line)
	for request.Timeout = 300 * time.Millisecond; ; request.Timeout *= 2 {
		id, stood := start(t, e, request), false
		become(t, name+", or an end", func() bool {
			stood = g.named(name) == 1
			return stood || get(t, e, id).Status.Terminal()
		})
		r := end(t, e, id)
		g.ended(t)
		if stood || request.Timeout > tooLong {
			return r, request.Timeout
		}
	}
}

// become waits for a condition that nothing tells of.
func become(t *testing.T, what string, condition func() bool) {
	t.Helper()
	patience := tooLong
	if full() { // ten times as much is to happen
		patience *= 10
	}
	for deadline := time.Now().Add(patience); !condition(); <-time.After(3 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s in %v", what, patience)
		}
	}
}

// stopped cancels an execution and returns how it ended, which may not take long.
func stopped(t *testing.T, e engine.API, id engine.ID) engine.Result {
	t.Helper()
	start := time.Now()
	cancel(t, e, id, engine.Cancellation{})
	r := end(t, e, id)
	if took := time.Since(start); took > tooLong || len(r.Survivors) > 0 {
		t.Errorf("want it ended soon and whole, took %v, survivors %v", took, r.Survivors)
	}
	return r
}

// wantCancelled checks an ending by a cancel that named nobody.
func wantCancelled(t *testing.T, r engine.Result, forced bool) {
	t.Helper()
	wantEnding(t, r, ending{engine.Cancelled, engine.CauseCancel, forced, engine.Actor{}})
}

func TestTREE01_PlainChildren(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c}), plant(t)
			id := start(t, e, g.bash("sleep 301 & sleep 302 & wait"))
			g.stands(t, 2, "sleep")
			wantCancelled(t, stopped(t, e, id), false)
			g.ended(t)
		})
	}
}

func TestTREE02_Pipeline(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c}), plant(t)
			id := start(t, e, g.bash("yes | cat | gzip >/dev/null"))
			g.stands(t, 1, "gzip")
			wantCancelled(t, stopped(t, e, id), false)
			g.ended(t)
			for line, name := range map[string]string{
				"sleep 300; true": "sleep", "sleep 300 & wait": "sleep", "(sleep 300); true": "sleep", "sleep 300 | cat": "sleep",
				"yes | cat | gzip >/dev/null": "gzip",
			} {
				r, timeout := g.timesOut(t, e, line, name)
				wantEnding(t, r, ending{engine.TimedOut, engine.CauseTimeout, false, engine.Actor{}})
				if r.Duration > timeout+tooLong {
					t.Errorf("%s: took %v", line, r.Duration)
				}
			}
		})
	}
}

func TestTREE03_IgnoresWhatAsksItToEnd(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c, Grace: 200 * time.Millisecond}), plant(t)
			id := start(t, e, g.bash("trap '' TERM INT HUP; echo ready; while :; do sleep 1; done"))
			until(t, e, id, printed("ready"))
			r := stopped(t, e, id)
			wantCancelled(t, r, true)
			if r.Signal != "KILL" || r.ExitCode != -1 {
				t.Errorf("want KILL told, got %q, code %d", r.Signal, r.ExitCode)
			}
			g.ended(t)
		})
	}
}

func TestTREE04_LeaderObeysAndItsChildDoesNot(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c}), plant(t)
			for stdio, forced := range map[string]bool{"": true, "</dev/null >/dev/null 2>&1": false} {
				request, r := g.bash("trap 'exit 0' TERM; (trap '' TERM; exec -a tree04 sleep 300) "+stdio+" & "+loop), engine.Result{ExitCode: -1}
				// How long the leader needs to obey, nobody knows beforehand.
				for request.Grace = 200 * time.Millisecond; r.ExitCode == -1 && request.Grace < tooLong; request.Grace *= 2 {
					id := start(t, e, request)
					g.stands(t, 1, "tree04")
					r = stopped(t, e, id)
					g.ended(t)
				}
				wantCancelled(t, r, forced)
				if r.ExitCode != 0 || r.Success {
					t.Errorf("want code 0 and no success, got %d, %v", r.ExitCode, r.Success)
				}
			}
		})
	}
}

// escape cancels a line of which a process named sleep has left the group, and
// whose leader waits for it or has exited.
func escape(t *testing.T, c engine.Containment, name, line string) engine.Result {
	t.Helper()
	e, g := open(t, engine.Config{Containment: c, Grace: 200 * time.Millisecond}), plant(t)
	id := start(t, e, g.bash(line))
	g.stands(t, 1, name)
	r := stopped(t, e, id)
	wantCancelled(t, r, r.Forced) // by whether it holds the output
	g.ended(t)
	return r
}

func TestTREE05_ChildInAGroupOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			escape(t, c, "tree05", "set -m; (exec -a tree05 sleep 300) & wait")
			escape(t, c, "tree05", "set -m; (exec -a tree05 sleep 300) </dev/null >/dev/null 2>&1 & wait")
		})
	}
}

func TestTREE06_ChildInASessionOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			escape(t, c, "tree06", "setsid bash -c 'exec -a tree06 sleep 300' & wait")
			escape(t, c, "tree06", "setsid bash -c 'exec -a tree06 sleep 300' </dev/null >/dev/null 2>&1 & wait")
		})
	}
}

func TestTREE07_Daemon(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			const daemon = `setsid bash -c 'cd /; (exec -a tree07 sleep 300) & exit' & wait $!; `
			escape(t, c, "tree07", daemon+"sleep 300 & wait")
			g := plant(t)
			request := g.bash(daemon + "exit 3") // it ends by itself, and the daemon holds its output
			request.WaitDelay = 200 * time.Millisecond
			r := do(t, open(t, engine.Config{Containment: c}), request)
			wantEnding(t, r, ending{engine.Failed, engine.CauseExit, false, engine.Actor{}})
			if r.ExitCode != 3 || !r.OutputIncomplete {
				t.Errorf("want code 3 and the daemon told of, got %d, %v", r.ExitCode, r.OutputIncomplete)
			}
			g.ended(t)
		})
	}
}

func TestTREE10_LeaderDiesFirst(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			for _, line := range []string{"setsid sleep 300 & exit 0", "sleep 300 & exit 0", "(trap '' TERM HUP; exec sleep 300) </dev/null >/dev/null 2>&1 & exit 0"} {
				g := plant(t)
				request := g.bash(line)
				request.WaitDelay = 200 * time.Millisecond
				r := do(t, open(t, engine.Config{Containment: c}), request)
				wantEnding(t, r, ending{engine.Completed, engine.CauseExit, false, engine.Actor{}})
				if r.ExitCode != 0 || r.Duration > tooLong {
					t.Errorf("%s: want code 0 soon, got %d after %v", line, r.ExitCode, r.Duration)
				}
				g.ended(t)
			}
		})
	}
}

// childrenOf are the processes of a parent, by the letter of their state.
func childrenOf(parent int, state string) (pids []int) {
	entries, _ := os.ReadDir("/proc") // it is there on Linux
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat")) // it may be gone
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 1 && fields[0] == state && fields[1] == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestTREE11_ChildThatNeverReaps(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c}), plant(t)
			n, gate := times(500, 100), filepath.Join(t.TempDir(), "gate")
			fifo(t, gate)
			id := start(t, e, g.bash(`echo $$; for i in $(seq "$1"); do (read -r _ <"$2") & done; exec sleep 300`, strconv.Itoa(n), gate))
			leader, err := strconv.Atoi(string(until(t, e, id, func(ev engine.Event) bool { return len(ev.Line) > 0 }).Line))
			if err != nil {
				t.Fatal(err)
			}
			g.stands(t, 1, "sleep") // which reaps nobody
			var zombies []int
			become(t, "zombies", func() bool {
				if open, err := os.OpenFile(gate, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
					_ = open.Close() // its opening is what they wait for
				}
				zombies = childrenOf(leader, "Z")
				return len(zombies) == n
			})
			wantCancelled(t, stopped(t, e, id), false)
			for _, mine := range childrenOf(os.Getpid(), "Z") {
				if slices.Contains(zombies, mine) {
					t.Errorf("zombie %d has become a child of this program", mine)
				}
			}
			g.ended(t)
		})
	}
}

func TestTREE12_NoExitCodeIsStolen(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c}), plant(t)
			together(times(1000, 200), func(i int) {
				id, err := e.Execute(t.Context(), g.bash(fmt.Sprintf("(sleep 0.05 &); exit %d", i%256)))
				if err != nil {
					t.Error(err)
					return
				}
				if r, err := e.Wait(t.Context(), id); err != nil || r.ExitCode != i%256 || r.Cause != engine.CauseExit {
					t.Errorf("want code %d, got %d by %s, %v", i%256, r.ExitCode, r.Cause, err)
				}
			})
			g.ended(t)
		})
	}
}

func TestTREE14_ManyProcesses(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c}), plant(t)
			n := times(1000, 200)
			id := start(t, e, g.bash(`for i in $(seq "$1"); do sleep 300 & done; wait`, strconv.Itoa(n)))
			g.stands(t, n, "sleep")
			if x := get(t, e, id); x.Status != engine.Running {
				t.Errorf("want it running, got %s", x.Status)
			}
			wantCancelled(t, stopped(t, e, id), false)
			g.ended(t)
		})
	}
}

func TestTREE15_OneTERMOnly(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e := open(t, engine.Config{Containment: c, Grace: tooLong})
			id := start(t, e, bash(`n=0; trap 'n=$((n+1)); echo "TERM $n"' TERM; echo ready
				until [ $n -gt 0 ]; do sleep 0.02; done; for i in $(seq 15); do sleep 0.05 & wait $!; done; echo "count=$n"`))
			until(t, e, id, printed("ready"))
			r := stopped(t, e, id)
			wantCancelled(t, r, false)
			if want := "ready\nTERM 1\ncount=1\n"; r.Stdout != want || r.ExitCode != 0 {
				t.Errorf("want %q and code 0, got %q, %d", want, r.Stdout, r.ExitCode)
			}
		})
	}
}

// The leader gets its time to clean up although TERM reaches all of its group.
func TestTREE16_LeaderCleansUp(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c, Grace: tooLong}), plant(t)
			id := start(t, e, g.bash(`trap 'kill -TERM $p; wait $p; echo clean; exit 0' TERM
				(trap '' TERM; exec -a tree16 sleep 300) </dev/null >/dev/null 2>&1 & (exec -a child sleep 300) & p=$!; echo ready; `+loop))
			until(t, e, id, printed("ready"))
			g.stands(t, 1, "tree16")
			g.stands(t, 1, "child") // a shell on its way to that may take the signal and forget it
			r := stopped(t, e, id)
			wantCancelled(t, r, false)
			if r.Stdout != "ready\nclean\n" || r.ExitCode != 0 {
				t.Errorf("want it cleaned up, with code 0; got %q, %d", r.Stdout, r.ExitCode)
			}
			g.ended(t) // the member that ignores TERM too
		})
	}
}

func TestTREE17_StopSignalOfTheRequest(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e := open(t, engine.Config{Containment: c, Grace: tooLong})
			request := bash(`trap 'exit 42' INT; echo ready; while :; do sleep 0.02; done`)
			request.StopSignal = "INT"
			id := start(t, e, request)
			until(t, e, id, printed("ready"))
			r := stopped(t, e, id)
			wantCancelled(t, r, false)
			if r.ExitCode != 42 || r.Signal != "" {
				t.Errorf("want code 42, got %d, %q", r.ExitCode, r.Signal)
			}
		})
	}
}

// What has no process is cancelled without a signal to anybody. That a number
// below 2 is never signalled is tested where signals are sent.
func TestTREE19_CancelOfWhatHasNoProcess(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e := open(t, engine.Config{Containment: c, MaxConcurrent: 2})
			bystander := start(t, e, bash("sleep 300"))
			until(t, e, bystander, isStart)
			path := filepath.Join(t.TempDir(), "no-program")
			if err := os.WriteFile(path, []byte("none\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			unspawned := do(t, e, engine.Request{Command: engine.Exec(path)})
			wantError(t, "of one that could not be started", e.Cancel(t.Context(), unspawned.ID, engine.Cancellation{Force: true}), engine.ErrFinished)
			blocker := start(t, e, bash("sleep 300"))
			until(t, e, blocker, isStart)
			queued := start(t, e, bash("sleep 300"))
			r := stopped(t, e, queued)
			wantCancelled(t, r, false)
			if !r.StartedAt.IsZero() || errors.Is(e.Cancel(t.Context(), queued, engine.Cancellation{}), nil) {
				t.Errorf("it ran, from %v on, or can be cancelled twice", r.StartedAt)
			}
			for _, id := range []engine.ID{bystander, blocker} {
				if x := get(t, e, id); x.Status != engine.Running {
					t.Errorf("want the others untouched, got %s", x.Status)
				}
			}
		})
	}
}
